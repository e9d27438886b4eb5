//! A FHIR resource as a tree, written down as JSON or as XML: one document of ours in both syntaxes.
//! It knows no resource; the order of the fields is the order in which they are written.

use std::fmt::Write as _;

/// A part of a resource.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// A text, a code, a date, a number of base64 characters: what is quoted in JSON.
    Text(String),
    /// A number or a boolean: what is not.
    Literal(String),
    /// What may be given several times.
    List(Vec<Node>),
    /// Fields by name, in their order.
    Fields(Vec<(String, Node)>),
}

impl Node {
    /// Without any field.
    pub(super) const fn new() -> Self {
        Self::Fields(Vec::new())
    }

    /// The same with one more field.
    pub(super) fn with(mut self, name: &str, value: impl Into<Self>) -> Self {
        self.set(name, value);
        self
    }

    /// The same with one more field, if there is a value for it.
    pub(super) fn with_some(self, name: &str, value: Option<impl Into<Self>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Sets a field where it stands, or adds it at the end.
    pub(super) fn set(&mut self, name: &str, value: impl Into<Self>) {
        let value = value.into();
        match self.get_mut(name) {
            Some(field) => *field = value,
            None => self.fields_mut().push((name.to_owned(), value)),
        }
    }

    /// The field of that name.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        let Self::Fields(fields) = self else {
            return None;
        };
        fields.iter().find(|(n, _)| n == name).map(|(_, node)| node)
    }

    /// The field of that name.
    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut Self> {
        let fields = self.fields_mut().iter_mut();
        fields.rev().find(|(n, _)| n == name).map(|(_, node)| node)
    }

    /// Its fields.
    pub(super) fn fields_mut(&mut self) -> &mut Vec<(String, Self)> {
        match self {
            Self::Fields(fields) => fields,
            Self::Text(_) | Self::Literal(_) | Self::List(_) => panic!("{self:?} has no fields"),
        }
    }

    /// Its items.
    pub(super) fn items_mut(&mut self) -> &mut Vec<Self> {
        match self {
            Self::List(items) => items,
            Self::Text(_) | Self::Literal(_) | Self::Fields(_) => panic!("{self:?} is no list"),
        }
    }

    /// The resource type, if it is a resource.
    pub(super) fn resource_type(&self) -> Option<&str> {
        match self.get("resourceType")? {
            Self::Text(text) => Some(text),
            Self::Literal(_) | Self::List(_) | Self::Fields(_) => None,
        }
    }

    /// As FHIR JSON.
    pub(super) fn to_json(&self) -> String {
        let mut out = String::new();
        json(self, 0, &mut out);
        out.push('\n');
        out
    }

    /// As FHIR XML.
    pub(super) fn to_xml(&self) -> String {
        let mut out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
        resource_xml(self, 0, " xmlns=\"http://hl7.org/fhir\"", &mut out);
        out
    }
}

impl From<&str> for Node {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Node {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Node {
    fn from(value: bool) -> Self {
        Self::Literal(value.to_string())
    }
}

impl From<i32> for Node {
    fn from(value: i32) -> Self {
        Self::Literal(value.to_string())
    }
}

impl From<Vec<Self>> for Node {
    fn from(items: Vec<Self>) -> Self {
        Self::List(items)
    }
}

impl<const N: usize> From<[Self; N]> for Node {
    fn from(items: [Self; N]) -> Self {
        Self::List(items.into())
    }
}

fn json(node: &Node, depth: usize, out: &mut String) {
    match node {
        Node::Text(text) => quoted(text, out),
        Node::Literal(text) => out.push_str(text),
        Node::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index == 0 { "\n" } else { ",\n" });
                indent(depth + 1, out);
                json(item, depth + 1, out);
            }
            closed(depth, items.is_empty(), ']', out);
        }
        Node::Fields(fields) => {
            out.push('{');
            for (index, (name, value)) in fields.iter().enumerate() {
                out.push_str(if index == 0 { "\n" } else { ",\n" });
                indent(depth + 1, out);
                quoted(name, out);
                out.push_str(": ");
                json(value, depth + 1, out);
            }
            closed(depth, fields.is_empty(), '}', out);
        }
    }
}

fn closed(depth: usize, empty: bool, bracket: char, out: &mut String) {
    if !empty {
        out.push('\n');
        indent(depth, out);
    }
    out.push(bracket);
}

fn quoted(text: &str, out: &mut String) {
    let quoted = serde_json::to_string(text).expect("a text is JSON");
    out.push_str(&quoted);
}

fn indent(depth: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', depth));
}

/// A resource: an element named for its type.
fn resource_xml(node: &Node, depth: usize, attributes: &str, out: &mut String) {
    let name = node.resource_type().unwrap_or("Basic").to_owned();
    let Node::Fields(fields) = node else {
        panic!("a resource has fields")
    };
    let mut children = fields.iter().filter(|(name, _)| name != "resourceType");
    element(&name, attributes, depth, out, |out| {
        children.all(|(name, value)| {
            xml(name, value, depth + 1, out);
            true
        });
    });
}

fn xml(name: &str, node: &Node, depth: usize, out: &mut String) {
    match node {
        Node::List(items) => items.iter().for_each(|item| xml(name, item, depth, out)),
        // Narrative is XHTML in either syntax.
        Node::Text(text) if name == "div" => {
            indent(depth, out);
            writeln!(out, "{text}").expect("a String takes all");
        }
        Node::Text(text) | Node::Literal(text) => {
            indent(depth, out);
            let value = escaped(text);
            writeln!(out, "<{name} value=\"{value}\"/>").expect("a String takes all");
        }
        Node::Fields(_) if node.resource_type().is_some() => {
            element(name, "", depth, out, |out| {
                resource_xml(node, depth + 1, "", out)
            });
        }
        Node::Fields(fields) => {
            let is_attribute = |field: &str| {
                field == "id" || field == "url" && name.to_lowercase().ends_with("extension")
            };
            let mut attributes = String::new();
            for (field, value) in fields.iter().filter(|(field, _)| is_attribute(field)) {
                if let Node::Text(text) = value {
                    let value = escaped(text);
                    write!(attributes, " {field}=\"{value}\"").expect("a String takes all");
                }
            }
            element(name, &attributes, depth, out, |out| {
                for (field, value) in fields.iter().filter(|(field, _)| !is_attribute(field)) {
                    xml(field, value, depth + 1, out);
                }
            });
        }
    }
}

fn element(
    name: &str,
    attributes: &str,
    depth: usize,
    out: &mut String,
    content: impl FnOnce(&mut String),
) {
    indent(depth, out);
    writeln!(out, "<{name}{attributes}>").expect("a String takes all");
    content(out);
    indent(depth, out);
    writeln!(out, "</{name}>").expect("a String takes all");
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('"', "&quot;")
}
