//! What the template keeps when a deployment is changed or deleted. This needs no stack.

use std::fs;

use crate::world::stack::root;

/// The resources of the template: name and text.
fn resources() -> Vec<(String, String)> {
    let text = fs::read_to_string(root().join("template.yaml")).expect("template.yaml");
    let (_, resources) = text.split_once("\nResources:\n").expect("resources");
    let (resources, _) = resources.split_once("\nOutputs:\n").expect("outputs after them");
    let mut all: Vec<(String, String)> = Vec::new();
    for line in resources.lines() {
        let name = line.strip_prefix("  ").filter(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()));
        match (name.and_then(|rest| rest.strip_suffix(':')), all.last_mut()) {
            (Some(name), _) => all.push((name.to_owned(), String::new())),
            (None, Some((_, text))) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    all
}

fn of_type(kind: &str) -> Vec<(String, String)> {
    let found: Vec<_> = resources().into_iter().filter(|(_, text)| text.contains(&format!("Type: {kind}\n"))).collect();
    assert!(!found.is_empty(), "no {kind}");
    found
}

#[test]
fn deleted_stack_leaves_its_keys() {
    for (name, text) in of_type("AWS::SecretsManager::Secret") {
        assert!(text.contains("DeletionPolicy: RetainExceptOnCreate\n"), "{name}");
        assert!(text.contains("UpdateReplacePolicy: Retain\n"), "{name}");
    }
}

#[test]
fn deleted_stack_leaves_its_tables_and_files() {
    let forgotten = ["Ephemera", "Deliveries"]; // what they hold ends by itself within days
    for (name, text) in of_type("AWS::DynamoDB::Table") {
        let is_kept = text.contains("DeletionPolicy: !Ref TableDeletionPolicy\n")
            && text.contains("DeletionProtectionEnabled: !If [IsProtected, true, false]\n");
        assert!(is_kept != forgotten.contains(&name.as_str()), "{name}");
        assert_eq!(is_kept, text.contains("PointInTimeRecoveryEnabled: true"), "{name}");
    }
    for (name, text) in of_type("AWS::S3::Bucket") {
        assert!(text.contains("DeletionPolicy:"), "{name}");
    }
}

#[test]
fn every_function_that_queues_its_own_next_step_may_do_so_for_ever() {
    for (name, text) in of_type("AWS::Serverless::Function") {
        let chains = ["bulk", "deliver", "privacy", "events"]
            .iter()
            .any(|function| text.contains(&format!("CodeUri: target/lambda/{function}\n")));
        assert_eq!(text.contains("RecursiveLoop: Allow"), chains, "{name}");
    }
}
