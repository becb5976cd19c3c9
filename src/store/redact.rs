//! Takes secrets out of JSON without breaking it: only strings are masked, numbers and structure stay.

use serde_json::Value;

use crate::text::Redactor;

/// Cleans an unfinished line: a JSON object that lacks its last brace.
pub(super) fn line(line: &mut Vec<u8>, redactor: &Redactor) {
    let finds = std::str::from_utf8(line).is_ok_and(|text| redactor.finds(text));
    if !finds {
        return;
    }
    line.push(b'}');
    if let Ok(mut value) = serde_json::from_slice(line) {
        clean(&mut value, redactor);
        line.clear();
        line.extend_from_slice(value.to_string().as_bytes());
    }
    line.pop();
}

/// Cleans every string of a value, names of members included.
pub(super) fn clean(value: &mut Value, redactor: &Redactor) {
    match value {
        Value::String(text) if redactor.finds(text) => *text = redactor.clean(text),
        Value::Array(items) => items.iter_mut().for_each(|item| clean(item, redactor)),
        Value::Object(members) => {
            let cleaned = std::mem::take(members).into_iter().map(|(name, mut member)| {
                clean(&mut member, redactor);
                (redactor.clean(&name), member)
            });
            *members = cleaned.collect();
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Secret;

    #[test]
    fn digits_of_a_key_do_not_break_numbers() {
        let redactor = Redactor::new(&[Secret::new("123456789012345678")]);
        let mut text = br#"{"n":12345678901234,"a":["x123456789012y"],"123456789012":null"#.to_vec();
        line(&mut text, &redactor);
        assert_eq!(String::from_utf8(text).unwrap(), r#"{"n":12345678901234,"a":["x(redacted)y"],"(redacted)":null"#);
    }
}
