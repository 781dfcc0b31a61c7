//! Generated blocks inside Markdown.

const OPEN: &str = "<!-- generated:";
const OPEN_END: &str = "-->";
const CLOSE: &str = "<!-- /generated -->";

/// Replace the text of every generated block by what `render` makes of its name.
///
/// A block opens and closes on lines of their own, outside code fences. Faults are listed as `line: what`; with any
/// fault nothing is replaced.
pub(crate) fn replace(
    text: &str,
    mut render: impl FnMut(&str) -> Result<String, String>,
) -> Result<String, Vec<String>> {
    let mut fresh = String::with_capacity(text.len());
    let mut faults = Vec::new();
    let mut fenced = false;
    let mut opened: Option<usize> = None;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let (number, trimmed) = (index + 1, line.trim());
        // What stands inside a block is about to be replaced, fences included.
        if opened.is_none() && trimmed.starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            fresh.push_str(line);
        } else if let Some(name) = opening(trimmed) {
            if let Some(first) = opened {
                faults.push(format!("{number}: a block opens inside the one of line {first}"));
            }
            opened = Some(number);
            fresh.push_str(line);
            match render(name) {
                Ok(body) => fresh.push_str(&format!("\n{}\n\n", body.trim())),
                Err(fault) => faults.push(format!("{number}: {fault}")),
            }
        } else if trimmed == CLOSE {
            if opened.take().is_none() {
                faults.push(format!("{number}: a block closes that was not opened"));
            }
            fresh.push_str(line);
        } else if opened.is_none() {
            fresh.push_str(line);
        }
    }
    if let Some(first) = opened {
        faults.push(format!("{first}: the block is not closed with {CLOSE}"));
    }
    if faults.is_empty() { Ok(fresh) } else { Err(faults) }
}

fn opening(line: &str) -> Option<&str> {
    line.strip_prefix(OPEN)?.strip_suffix(OPEN_END).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shout(name: &str) -> Result<String, String> {
        if name == "bad" { Err("unknown kind".to_owned()) } else { Ok(name.to_uppercase()) }
    }

    #[test]
    fn the_text_of_a_block_is_replaced_and_the_rest_is_kept() {
        let text = "a\n<!-- generated:claims resmem -->\nold\n```\nold\n<!-- /generated -->\nb";
        let fresh = replace(text, shout).unwrap();
        assert_eq!(fresh, "a\n<!-- generated:claims resmem -->\n\nCLAIMS RESMEM\n\n<!-- /generated -->\nb");
        assert_eq!(replace(&fresh, shout).unwrap(), fresh, "a second time changes nothing");
    }

    #[test]
    fn code_that_shows_a_block_is_left_alone() {
        let text = "```markdown\n<!-- generated:bad -->\nx\n<!-- /generated -->\n```\n";
        assert_eq!(replace(text, shout).unwrap(), text);
    }

    #[test]
    fn each_fault_names_its_line() {
        let cases = [
            ("x\n<!-- generated:a -->\n", "2: the block is not closed"),
            ("<!-- /generated -->\n", "1: a block closes"),
            ("<!-- generated:a -->\n<!-- generated:b -->\n<!-- /generated -->\n", "2: a block opens inside"),
            ("<!-- generated:bad -->\n<!-- /generated -->\n", "1: unknown kind"),
        ];
        for (text, fault) in cases {
            let faults = replace(text, shout).unwrap_err();
            assert!(faults.len() == 1 && faults[0].starts_with(fault), "{faults:?}");
        }
    }
}
