//! A writer of HTML that foreign text cannot break: it goes in as text or as an attribute's value, escaped in both.

use crate::report::escape::html;

/// HTML under construction.
#[derive(Debug, Default)]
pub(super) struct Markup {
    text: String,
}

impl Markup {
    /// Opens an element. Names are ours; values are escaped.
    pub(super) fn open(&mut self, name: &'static str, attributes: &[(&'static str, &str)]) -> &mut Self {
        self.text.push('<');
        self.text.push_str(name);
        for (key, value) in attributes {
            self.text.push(' ');
            self.text.push_str(key);
            if !value.is_empty() {
                self.text.push_str("=\"");
                self.text.push_str(&html(value));
                self.text.push('"');
            }
        }
        self.text.push('>');
        self
    }

    /// Closes an element.
    pub(super) fn close(&mut self, name: &'static str) -> &mut Self {
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push_str(">\n");
        self
    }

    /// Text, escaped.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.text.push_str(&html(text));
        self
    }

    /// An element with nothing but text in it.
    pub(super) fn leaf(&mut self, name: &'static str, attributes: &[(&'static str, &str)], text: &str) -> &mut Self {
        self.open(name, attributes).text(text);
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push('>');
        self
    }

    /// Markup that this crate made itself: a chart, or a part made by another `Markup`.
    pub(super) fn own(&mut self, markup: &str) -> &mut Self {
        self.text.push_str(markup);
        self
    }

    /// The finished markup.
    pub(super) fn done(self) -> String {
        self.text
    }
}
