//! What an answer says and asks, read with a reader that has nothing to do with its writer.

/// What an answer asks Twilio to do after its words: the addresses of the requests that may follow.
pub(super) struct Asked {
    /// With input, a recording, or the end of a conversation.
    pub(super) action: Option<String>,
    /// Without.
    pub(super) redirect: Option<String>,
}

/// Reads an answer with a reader that has nothing to do with its writer, and checks it against Twilio's grammar.
pub(super) fn read(document: &str) -> Asked {
    let parsed = roxmltree::Document::parse(document).unwrap_or_else(|error| panic!("{error}: {document}"));
    assert!(document.len() < 64 << 10, "Twilio reads 64 kB");
    let response = parsed.root_element();
    assert_eq!(response.tag_name().name(), "Response");
    let verbs: Vec<_> = response.children().collect();
    assert!(verbs.iter().all(roxmltree::Node::is_element), "{document}");
    let names: Vec<&str> = verbs.iter().map(|verb| verb.tag_name().name()).collect();
    let words = names.iter().take_while(|name| **name == "Say").count();
    let action = |verb: &roxmltree::Node<'_, '_>| verb.attribute("action").map(str::to_owned);
    let url = |verb: &roxmltree::Node<'_, '_>| verb.text().map(str::to_owned);
    match &names[words..] {
        ["Hangup"] => Asked { action: None, redirect: None },
        ["Redirect"] => Asked { action: None, redirect: url(&verbs[words]) },
        ["Gather" | "Record" | "Dial", "Redirect"] => {
            Asked { action: action(&verbs[words]), redirect: url(&verbs[words + 1]) }
        }
        other => panic!("{other:?}: {document}"),
    }
}

/// The texts an answer says.
pub(super) fn says(document: &str) -> Vec<String> {
    let parsed = roxmltree::Document::parse(document).unwrap();
    let said = parsed.descendants().filter(|node| node.has_tag_name("Say"));
    said.map(|say| say.text().unwrap_or_default().to_owned()).collect()
}
