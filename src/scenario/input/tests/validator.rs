//! A validator for the keywords of JSON Schema (draft 2020-12) that our schemas use, and no others: a keyword
//! that it does not know fails the test. The `jsonschema` crate would add 76 crates and 50 s to a test build.

use serde_json::Value;

/// Where `value` breaks `schema`, if it does.
pub fn violation(schema: &Value, value: &Value) -> Option<String> {
    Validator { root: schema }.check(schema, value, "").err()
}

struct Validator<'a> {
    root: &'a Value,
}

impl Validator<'_> {
    fn check(&self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        let Value::Object(keywords) = schema else {
            return if schema == &Value::Bool(false) { Err(format!("{at}: not allowed")) } else { Ok(()) };
        };
        for (keyword, argument) in keywords {
            let holds = match keyword.as_str() {
                "$schema" | "title" | "description" | "default" | "examples" | "$defs" | "additionalProperties" => {
                    true
                }
                "$ref" => {
                    let path = argument.as_str().unwrap().strip_prefix('#').unwrap();
                    self.check(self.root.pointer(path).expect("a definition"), value, at)?;
                    true
                }
                "type" => has_type(argument.as_str().unwrap(), value),
                "enum" => argument.as_array().unwrap().contains(value),
                "pattern" => value.as_str().is_none_or(|text| matches(argument, text)),
                "minimum" => value.as_f64().is_none_or(|number| number >= argument.as_f64().unwrap()),
                "maximum" => value.as_f64().is_none_or(|number| number <= argument.as_f64().unwrap()),
                "minItems" => value.as_array().is_none_or(|items| items.len() as u64 >= argument.as_u64().unwrap()),
                "items" => {
                    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.check(argument, item, &format!("{at}/{index}"))?;
                    }
                    true
                }
                "required" => value.as_object().is_none_or(|entries| {
                    argument.as_array().unwrap().iter().all(|name| entries.contains_key(name.as_str().unwrap()))
                }),
                "properties" => {
                    self.check_properties(argument, &schema["additionalProperties"], value, at)?;
                    true
                }
                "propertyNames" => {
                    let mut names = value.as_object().into_iter().flat_map(|entries| entries.keys());
                    self.check_properties(
                        &Value::Object(Default::default()),
                        &schema["additionalProperties"],
                        value,
                        at,
                    )?;
                    names.all(|name| matches(&argument["pattern"], name))
                }
                "anyOf" => self.how_many(argument, value, at) > 0,
                "oneOf" => self.how_many(argument, value, at) == 1,
                other => panic!("the validator does not know {other:?}"),
            };
            if !holds {
                return Err(format!("{at}: {value} breaks {keyword}: {argument}"));
            }
        }
        Ok(())
    }

    fn check_properties(&self, known: &Value, others: &Value, value: &Value, at: &str) -> Result<(), String> {
        for (name, entry) in value.as_object().into_iter().flatten() {
            self.check(known.get(name).unwrap_or(others), entry, &format!("{at}/{name}"))?;
        }
        Ok(())
    }

    fn how_many(&self, choices: &Value, value: &Value, at: &str) -> usize {
        choices.as_array().unwrap().iter().filter(|choice| self.check(choice, value, at).is_ok()).count()
    }
}

fn has_type(name: &str, value: &Value) -> bool {
    match name {
        "boolean" => value.is_boolean(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("the validator does not know the type {other:?}"),
    }
}

fn matches(pattern: &Value, text: &str) -> bool {
    regex_lite::Regex::new(pattern.as_str().unwrap()).expect("a pattern").is_match(text)
}
