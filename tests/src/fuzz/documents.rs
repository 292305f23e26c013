//! What clients hand in: templates with their data, and files of recipients.

use bulk::rows::{Framing, cut};
use serde_json::{Map, Value};
use switchboard::message::template::{Ask, Template, check_text, fill_text};
use switchboard::message::{Channel, Locale};

use super::chance::Chance;

const TEMPLATES: [&str; 8] = [
    "Hello {{ name }}, {{ n | money('USD') }} is due on {{ when | date }}.",
    "{% if a and b or not c %}{{ a }}{% elif d is defined %}x{% else %}{{ b | upper | title }}{% endif %}",
    "{% for item in items %}{{ loop.index }}: {{ item.name | default('-') }}{% if not loop.last %}, {% endif %}{% endfor %}",
    "{{ a.b.c[0] }} {{ 'x' ~ n }} {{ n + 1 }} {{ n / 0 }} {{ n ** 9 }} {{ [1,2][9] }}",
    "{# note #}{% set x = a %}{{ x }}{% raw %}{{ not }}{% endraw %}",
    "{{ a | replace('a', 'aaaaaaaaaa') | replace('a', 'aaaaaaaaaa') }}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }} {% include 'x' %}",
    "{{ range(1000000) }} {{ a * 100000 }} {{ items | join(a) }}",
];
const TABLES: [&str; 4] = [
    "to,name\r\n+14155552671,Ada\r\nnobody,\"Bob, \"\"the\"\" first\"\r\n",
    "to;name\n+1;\"a\nb\"\n\n;;\n",
    "\u{feff}to\tname\n\"unclosed,\nx\n",
    "{\"to\":\"+14155552671\"}\n{\"to\":7}\n",
];

pub(super) fn templates(chance: &mut Chance) {
    let sample = chance.word(&TEMPLATES).to_owned();
    let source = if chance.once_in(8) { chance.text(200) } else { chance.spoiled_text(&sample) };
    let mut data = Map::new();
    for name in ["a", "b", "name", "when", "n"] {
        if chance.once_in(2) {
            data.insert(name.to_owned(), Value::String(chance.text(40)));
        }
    }
    data.insert("n".to_owned(), Value::from(chance.any()));
    data.insert("items".to_owned(), serde_json::json!([{"name": chance.text(8)}, {}, 7, null]));
    let filled = fill_text(&source, &data);
    assert_eq!(filled, fill_text(&source, &data), "the same every time");
    let sound = check_text(&source).is_ok();
    assert!(sound || filled.is_err(), "what cannot be put cannot be filled: {source:?}");
    let part = serde_json::json!({"text": source, "email": source, "subject": source});
    let Ok(template) = serde_json::from_value::<Template>(serde_json::json!({"locales": {"en": part}})) else { return };
    drop(template.faults());
    let english = Locale::english();
    for channel in [Channel::Sms, Channel::Email, Channel::Voice] {
        let ask = Ask { channel, wanted: None, default: &english, key: "1", data: &data };
        drop(template.render("fuzzed", 1, &ask));
    }
}

pub(super) fn tables(chance: &mut Chance) {
    let file = chance.near(&TABLES);
    let framing = if chance.once_in(2) { Framing::Csv } else { Framing::Lines };
    let rows = cut(framing, &file, 1);
    if let Ok(rows) = &rows {
        assert!(rows.windows(2).all(|two| two[0].line < two[1].line), "lines only grow");
        let cells: usize = rows.iter().flat_map(|row| &row.cells).map(Vec::len).sum();
        assert!(cells <= file.len(), "nothing is made up");
    }
    assert_eq!(rows.is_ok(), cut(framing, &file, 1).is_ok());
}
