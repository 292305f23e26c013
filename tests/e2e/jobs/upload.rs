//! Rows in a file, put into the bucket by their owner.

use serde_json::{Value, json};

use super::{PATH, numbers};
use crate::world::tokens::sender;
use crate::world::{Line, World, eventually, fresh, seconds};

const BAD: [usize; 3] = [3, 120, 299];

#[tokio::test]
async fn a_file_becomes_a_message_a_row_and_bad_rows_are_named_by_their_lines() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms, Line::BulkLane]).await;
    let text = fresh::text();
    let body = json!({"channel": "sms", "class": "transactional", "message": format!("{text} {{{{ name }}}}")});
    let job = world.make_job(&body).await;
    let id = job["job_id"].as_str().expect("an id");
    assert_eq!(job["status"], "awaiting_upload");
    assert!(job["upload"]["expires_at"].is_string(), "{job}");

    // As a spreadsheet writes it: a byte order mark, CRLF, line breaks inside cells, blank lines.
    let numbers = numbers(300);
    let mut csv = "\u{feff}to,name\r\n".to_owned();
    let mut lines = Vec::new();
    let mut line = 2;
    for (row, to) in numbers.iter().enumerate() {
        if row % 50 == 0 {
            csv.push_str("\r\n");
            line += 1;
        }
        let to = if BAD.contains(&row) { "no number" } else { to };
        if BAD.contains(&row) {
            lines.push(line);
        }
        csv.push_str(&format!("{to},\"Row {row},\n\"\"quoted\"\"\"\r\n"));
        line += 2;
    }
    world.upload(&job, &csv).await;

    let job = world.until_job(id, "completed").await;
    assert_eq!(job["rows"], 300);
    assert_eq!(job["counts"], json!({"pending": 0, "accepted": 297, "refused": 0, "invalid": 3}));
    assert!(job["rows_per_second"].as_f64().is_some_and(|rate| rate > 0.0), "{job}");
    let file = world.http.get(job["error_file"].as_str().expect("an address")).send().await.expect("S3 answers");
    let errors = file.text().await.expect("a text");
    let expected: String = lines.iter().map(|line| format!("{line},It is not a phone number,to\r\n")).collect();
    assert_eq!(errors, format!("line,error,field\r\n{expected}"));

    let good: Vec<String> =
        numbers.iter().enumerate().filter(|(row, _)| !BAD.contains(row)).map(|(_, to)| to.clone()).collect();
    world.until_each_got_one(&good).await;
    for row in BAD {
        assert!(world.arrived(&numbers[row]).await.is_empty());
    }
    let one = world.the_one(&numbers[7], "sms").await;
    assert_eq!(one["text"], format!("{text} Row 7,\n\"quoted\""));

    // The message knows its job and its lane, and the rows are gone.
    let job_id: switchboard::message::JobId = id.parse().expect("an id");
    let message = world.until(&job_id.row(world.seal().await.ids(), 7).to_string(), "delivered").await;
    assert_eq!((&message["job_id"], &message["lane"]), (&json!(id), &json!("bulk")));
    eventually("the rows are deleted", seconds(10), async || match world.objects(&format!("jobs/{id}/")).await {
        left if left.is_empty() => Ok(()),
        left => Err(format!("{left:?}")),
    })
    .await;
    let errors = format!("job-errors/{id}.csv");
    assert_eq!(world.objects(&errors).await, [errors], "what was wrong with them is kept");
}

#[tokio::test]
async fn a_file_that_cannot_be_worked_through_fails_its_job_and_says_why() {
    let world = World::new();
    let cases = [
        ("name,city\nAda,Paris\n", "bad_header", "The header has no column of recipients"),
        ("to,name\n\n,\n", "no_rows", "The file has no rows"),
        (&format!("to,name\n+14155552671,\"{}", "x\n".repeat(40_000)), "row_too_long", "on line 2"),
        (&format!("to\n{}", "+1\n".repeat(100_001)), "too_many_rows", "more than 100000 rows"),
    ];
    for (csv, reason, details) in cases {
        let job = world.make_job(&json!({"channel": "sms", "message": "Hello"})).await;
        world.upload(&job, csv).await;
        let job = world.until_job(job["job_id"].as_str().expect("an id"), "failed").await;
        assert_eq!(job["reason"], reason, "{job}");
        assert!(job["details"].as_str().is_some_and(|text| text.contains(details)), "{job}");
        assert_eq!(job["counts"]["accepted"], 0);
    }
}

#[tokio::test]
async fn ones_own_jobs_are_listed_newest_first_page_by_page() {
    let world = World::new();
    let (token, other) = (sender(&fresh::word()), sender(&fresh::word()));
    let mut made = Vec::new();
    for _ in 0..3 {
        let job = world.post(PATH, &json!({"channel": "sms", "message": "Hello"})).token(&token).send().await.is(202);
        made.insert(0, job.json["job_id"].clone());
    }
    let page = world.get(&format!("{PATH}?limit=2")).token(&token).send().await.ok();
    let ids = |page: &Value| -> Vec<Value> {
        page["jobs"].as_array().expect("jobs").iter().map(|job| job["job_id"].clone()).collect()
    };
    assert_eq!(ids(&page), made[..2]);
    let cursor = page["next_cursor"].as_str().expect("there is more");
    let rest = world.get(&format!("{PATH}?limit=2&cursor={cursor}")).token(&token).send().await.ok();
    assert_eq!(ids(&rest), made[2..]);
    assert!(rest["next_cursor"].is_null(), "{rest}");
    assert_eq!(ids(&world.get(PATH).token(&other).send().await.ok()), Vec::<Value>::new());
    for id in &made {
        let id = id.as_str().expect("an id");
        world.post(&format!("{PATH}/{id}/cancel"), &json!({})).token(&token).send().await.ok();
        world.until_job(id, "cancelled").await;
    }
    world.get(&format!("{PATH}?cursor=x")).token(&token).send().await.refused(400, "Invalid value for field: cursor");
}
