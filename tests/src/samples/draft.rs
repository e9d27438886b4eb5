//! A draft: a good document on its way to be a bad one. Edits of the tree are told by the path a
//! reader of FHIR would use; edits of the text come after it is written down.

use super::{Syntax, tree::Node};

/// A document that can be changed.
pub(super) struct Draft {
    root: Node,
    /// What is no tree: HL7 v2 and CDA.
    text: Option<String>,
    edits: Vec<TextEdit>,
}

type TextEdit = Box<dyn FnOnce(Vec<u8>) -> Vec<u8>>;

impl Draft {
    pub(super) const fn of(root: Node) -> Self {
        Self {
            root,
            text: None,
            edits: Vec::new(),
        }
    }

    pub(super) const fn of_text(text: String) -> Self {
        Self {
            root: Node::new(),
            text: Some(text),
            edits: Vec::new(),
        }
    }

    /// Sets what `path` names, for example `Composition.status` or `Patient[1].name[0].family`: it
    /// begins with the type of a resource, the first of it unless said otherwise.
    pub(super) fn set(&mut self, path: &str, value: impl Into<Node>) {
        let (parent, last) = split(path);
        match index_of(last) {
            (name, None) => self.at(parent).set(name, value),
            (_, Some(_)) => *self.at(path) = value.into(),
        }
    }

    /// Takes out what `path` names.
    pub(super) fn remove(&mut self, path: &str) {
        let (parent, last) = split(path);
        match index_of(last) {
            (name, None) => {
                let fields = self.at(parent).fields_mut();
                let before = fields.len();
                fields.retain(|(field, _)| field != name);
                assert!(fields.len() < before, "{path} is not in the document");
            }
            (name, Some(index)) => {
                drop(
                    self.at(&format!("{parent}.{name}"))
                        .items_mut()
                        .remove(index),
                );
            }
        }
    }

    /// Adds to the list that `path` names, which is made if there is none.
    pub(super) fn add(&mut self, path: &str, value: impl Into<Node>) {
        let (parent, name) = split(path);
        let parent = self.at(parent);
        if parent.get(name).is_none() {
            parent.set(name, Node::List(Vec::new()));
        }
        let list = parent.get_mut(name).expect("a list");
        list.items_mut().push(value.into());
    }

    /// Gives what `path` names a second time.
    pub(super) fn repeat(&mut self, path: &str) {
        let (parent, name) = split(path);
        let again = self.at(path).clone();
        let fields = self.at(parent).fields_mut();
        let at = fields.iter().position(|(field, _)| field == name);
        fields.insert(at.expect("a field") + 1, (name.to_owned(), again));
    }

    /// What `path` names, for more than one change.
    pub(super) fn at(&mut self, path: &str) -> &mut Node {
        let mut steps = path.split('.');
        let (kind, nth) = index_of(steps.next().unwrap_or_default());
        let mut node = nth_resource(&mut self.root, kind, &mut nth.unwrap_or(0))
            .unwrap_or_else(|| panic!("{path}: there is no {kind}"));
        for step in steps {
            let (name, index) = index_of(step);
            node = node
                .get_mut(name)
                .unwrap_or_else(|| panic!("{path}: there is no {name}"));
            if let Some(index) = index {
                node = &mut node.items_mut()[index];
            }
        }
        node
    }

    /// Lets the resource at `path` be the whole document.
    pub(super) fn keep_only(&mut self, path: &str) {
        self.root = self.at(path).clone();
    }

    /// Replaces the first `from` of the text.
    pub(super) fn text(&mut self, from: &'static str, to: impl Into<String>) {
        let to = to.into();
        self.rewrite(move |text| {
            assert!(text.contains(from), "{from} is not in the document");
            text.replacen(from, &to, 1)
        });
    }

    /// Changes the text as a whole.
    pub(super) fn rewrite(&mut self, edit: impl FnOnce(String) -> String + 'static) {
        self.bytes(|bytes| edit(String::from_utf8(bytes).expect("a text")).into_bytes());
    }

    /// Changes the bytes as a whole.
    pub(super) fn bytes(&mut self, edit: impl FnOnce(Vec<u8>) -> Vec<u8> + 'static) {
        self.edits.push(Box::new(edit));
    }

    /// The document as it was changed.
    pub(super) fn written(self, syntax: Syntax) -> Vec<u8> {
        let text = self.text.unwrap_or_else(|| match syntax {
            Syntax::Json => self.root.to_json(),
            Syntax::Xml | Syntax::Cda => self.root.to_xml(),
            Syntax::Hl7v2 => String::new(),
        });
        let edit = |bytes, edit: TextEdit| edit(bytes);
        self.edits.into_iter().fold(text.into_bytes(), edit)
    }
}

/// A path without its last step, and that step.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('.').expect("a path of two steps")
}

/// `name[2]` as a name and an index.
fn index_of(step: &str) -> (&str, Option<usize>) {
    let Some((name, rest)) = step.split_once('[') else {
        return (step, None);
    };
    let index = rest.trim_end_matches(']').parse();
    (name, Some(index.expect("an index")))
}

/// The resource of that type which `skip` others come before.
fn nth_resource<'n>(node: &'n mut Node, kind: &str, skip: &mut usize) -> Option<&'n mut Node> {
    if node.resource_type() == Some(kind) {
        if *skip == 0 {
            return Some(node);
        }
        *skip -= 1;
    }
    match node {
        Node::List(items) => items
            .iter_mut()
            .find_map(|item| nth_resource(item, kind, skip)),
        Node::Fields(fields) => fields
            .iter_mut()
            .find_map(|(_, field)| nth_resource(field, kind, skip)),
        Node::Text(_) | Node::Literal(_) => None,
    }
}
