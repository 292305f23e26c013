//! How much of Jinja a template may use. Clients write templates, so nothing in one may grow without bound or print
//! unescaped: a template fills in, chooses (`if`) and repeats (`for`), and that is all. The engine counts instructions,
//! but one instruction can double a string; here every construct that binds a computed value or makes a larger one is
//! refused when the template is put. What is left grows at most with the template times the data.

/// Why a template may not be used, and in which line (from 1).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) line: usize,
    pub(super) why: String,
}

const STATEMENTS: [&str; 8] = ["if", "elif", "else", "endif", "for", "endfor", "raw", "endraw"];

/// Looks through a template's tags. Comments and text are of no interest; a tag inside `raw` is held to the same rules.
pub(super) fn check(source: &str) -> Result<(), Refusal> {
    let mut rest = source;
    while let Some(at) = rest.find('{') {
        let tag = &rest[at..];
        let refuse = |why: String| {
            let before = &source[..source.len() - tag.len()];
            Err(Refusal { line: before.matches('\n').count() + 1, why })
        };
        rest = if let Some(comment) = tag.strip_prefix("{#") {
            comment.split_once("#}").map_or("", |(_, after)| after)
        } else if tag.starts_with("{{") || tag.starts_with("{%") {
            let (inside, after) = match scan(&tag[2..]) {
                Ok(parts) => parts,
                Err(why) => return refuse(why),
            };
            if tag.starts_with("{%")
                && let Err(why) = statement(inside)
            {
                return refuse(why);
            }
            after
        } else {
            &tag[1..]
        };
    }
    Ok(())
}

/// What stands in a tag, and what follows it. Strings are skipped; signs that make larger values are refused.
fn scan(tag: &str) -> Result<(&str, &str), String> {
    let (mut quote, mut escaped) = (None, false);
    let start = usize::from(tag.starts_with(['-', '+']));
    for (at, c) in tag.char_indices().skip(start) {
        match (quote, c) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '}' | '%') if tag[at + c.len_utf8()..].starts_with('}') => {
                let inside = tag[start..at].trim_end_matches(['-', '+']);
                return Ok((inside, &tag[at + c.len_utf8() + 1..]));
            }
            (None, '+') if tag[at + 1..].starts_with(['}', '%']) => {}
            (None, '{' | '}' | '~' | '*' | '+' | '%') => {
                return Err(format!("`{c}` is not available: values are filled in as they are given"));
            }
            (None, _) => {}
        }
    }
    Ok((&tag[start..], ""))
}

fn statement(inside: &str) -> Result<(), String> {
    let inside = inside.trim_start();
    let end = inside.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(inside.len());
    let (word, rest) = inside.split_at(end);
    if !STATEMENTS.contains(&word) {
        return Err(format!("`{word}` is not available; a template has if, for and raw"));
    }
    if word == "for" {
        // `for x in [y, y]` binds a larger value, and nested it doubles each time; `recursive` repeats without end.
        let over = rest.split_once(" in ").map_or("", |(_, over)| over);
        if over.contains(',') {
            return Err("a loop goes over a value that was given, not over a list made in the template".to_owned());
        }
        if over.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "recursive") {
            return Err("`recursive` is not available".to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filling_in_choosing_and_repeating_is_allowed() {
        for source in [
            "Hi {{ name }}, 1 + 1 = 2 * 1 ~ {x}",
            "{%- if a and not b -%} x {%+ else %} y {% endif +%}",
            "{% for item in items if item.open %}{{ loop.index }}. {{ item['a+b'] }}{% else %}none{% endfor %}",
            "{% for key, value in pairs %}{{ key|upper }}{% endfor %}",
            "{# {% set x = y ~ y %} #}{{ \"a ~ b\" }}{{ 'it\\'s + so' }}{{ n - 1 }}{{ items[0] }}",
        ] {
            assert_eq!(check(source), Ok(()), "{source}");
        }
    }

    #[test]
    fn what_could_grow_or_print_unescaped_is_refused() {
        for source in [
            "{% set a = b %}",
            "{%set a%}{{ b }}{%endset%}",
            "{%-\n with a = b %}{% endwith %}",
            "{% autoescape false %}{{ a }}{% endautoescape %}",
            "{% filter upper %}x{% endfilter %}",
            "{% include 'x' %}",
            "{% macro m() %}{% endmacro %}",
            "{{ a ~ a }}",
            "{{ a + a }}",
            "{{ a * 9 }}",
            "{{ 'x' ** 9 }}",
            "{{ {'a': {}}.a ~ b }}",
            "{{ '\\'' ~ a }}",
            "{% if a ~ b %}{% endif %}",
            "{% for a in [b, b] %}{% endfor %}",
            "{% for a in (b, b) %}{% endfor %}",
            "{% for a in b recursive %}{% endfor %}",
            "{{ a % b }}",
        ] {
            assert!(check(source).is_err(), "{source}");
        }
    }

    #[test]
    fn the_line_is_named() {
        assert_eq!(check("one\ntwo {{ a }}\n{% set b = 1 %}").map_err(|refusal| refusal.line), Err(3));
    }
}
