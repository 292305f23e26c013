//! New entries become anchors; changed and deleted ones are reported.

use lambda_runtime::Error;
use serde::Deserialize;
use serde_json::Value;
use switchboard::clock::from_millis;
#[cfg(test)]
use switchboard::ledger::anchor::Anchored;
use switchboard::ledger::anchor::{Broken, How, Image};
use switchboard::store::anchors::Batch;

use crate::{App, Done, report};

#[derive(Deserialize)]
struct Record {
    #[serde(rename = "eventName")]
    name: String,
    dynamodb: Change,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Change {
    #[serde(rename = "ApproximateCreationDateTime")]
    at: f64,
    sequence_number: String,
    #[serde(default)]
    new_image: Option<Image>,
    #[serde(default)]
    old_image: Option<Image>,
}

pub(crate) async fn run(app: &App, records: &[Value]) -> Result<Done, Error> {
    let (mut anchored, mut broken, mut batch) = (Vec::new(), Vec::new(), None::<Batch>);
    for record in records {
        let Record { name, dynamodb } = Record::deserialize(record)?;
        let number = dynamodb.sequence_number;
        batch = Some(match batch {
            None => Batch { at: from_millis((dynamodb.at * 1_000.0) as i64), first: number.clone(), last: number },
            Some(batch) => Batch { last: number, ..batch },
        });
        match (name.as_str(), dynamodb.old_image, dynamodb.new_image) {
            ("INSERT", None, Some(new)) => anchored.push(new.anchored()?),
            ("MODIFY", Some(old), Some(new)) => {
                let (old, new) = (old.anchored()?, new.anchored()?);
                // Only the personal part may be erased or sealed anew; it is not part of the digest.
                if old != new {
                    broken.push(Broken::of(old, How::Changed));
                }
            }
            ("REMOVE", Some(old), None) => broken.push(Broken::of(old.anchored()?, How::Missing)),
            _ => return Err(format!("a record of the ledger's stream cannot be read: {name}").into()),
        }
    }
    report(&broken);
    if let Some(batch) = batch.filter(|_| !anchored.is_empty()) {
        app.anchors.keep(&batch, &anchored).await?;
    }
    Ok(Done { anchored: anchored.len(), broken: broken.len(), checked: 0 })
}

/// For tests: what is anchored of an image.
#[cfg(test)]
pub(crate) fn anchor_of(image: &Value) -> Anchored {
    Image::deserialize(image).unwrap().anchored().unwrap()
}
