//! Enough of Rust's grammar to measure functions and to tell code from comments and strings.

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Function {
    pub(super) name: String,
    /// The line of the word `fn`, from 1.
    pub(super) line: usize,
    /// From there to the closing brace, both included.
    pub(super) lines: usize,
}

/// The text with comments and the insides of strings and characters blanked; every line keeps its number.
pub(super) fn code_only(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = end_of_blank(&chars, at);
        if end == at {
            code.push(chars[at]);
            at += 1;
        } else {
            let blank = |c: &char| if *c == '\n' { '\n' } else { ' ' };
            code.extend(chars[at..end].iter().map(blank));
            at = end;
        }
    }
    code
}

/// Where the comment, string or character that starts at `at` ends; `at` itself if none starts there.
fn end_of_blank(chars: &[char], at: usize) -> usize {
    let starts = |word: &str| {
        word.chars()
            .enumerate()
            .all(|(n, c)| chars.get(at + n) == Some(&c))
    };
    if starts("//") {
        return chars[at..]
            .iter()
            .position(|c| *c == '\n')
            .map_or(chars.len(), |n| at + n);
    }
    if starts("/*") {
        return end_of_block_comment(chars, at);
    }
    if chars[at] == '"' {
        return end_of_string(chars, at);
    }
    if chars[at] == 'r' && (at == 0 || !is_word(chars[at - 1]) || "bc".contains(chars[at - 1])) {
        return end_of_raw_string(chars, at);
    }
    if chars[at] == '\'' {
        return end_of_char(chars, at);
    }
    at
}

fn end_of_block_comment(chars: &[char], at: usize) -> usize {
    let (mut depth, mut end) = (0, at);
    while end < chars.len() {
        match (chars[end], chars.get(end + 1)) {
            ('/', Some('*')) => (depth, end) = (depth + 1, end + 2),
            ('*', Some('/')) => (depth, end) = (depth - 1, end + 2),
            _ => end += 1,
        }
        if depth == 0 {
            return end;
        }
    }
    chars.len()
}

fn end_of_string(chars: &[char], at: usize) -> usize {
    let mut end = at + 1;
    while end < chars.len() {
        match chars[end] {
            '\\' => end += 2,
            '"' => return end + 1,
            _ => end += 1,
        }
    }
    chars.len()
}

fn end_of_raw_string(chars: &[char], at: usize) -> usize {
    let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
    let open = at + 1 + hashes;
    if chars.get(open) != Some(&'"') {
        return at;
    }
    let closes = |quote: usize| (1..=hashes).all(|n| chars.get(quote + n) == Some(&'#'));
    (open + 1..chars.len())
        .find(|quote| chars[*quote] == '"' && closes(*quote))
        .map_or(chars.len(), |quote| quote + 1 + hashes)
}

/// A character, or nothing for a lifetime.
fn end_of_char(chars: &[char], at: usize) -> usize {
    if chars.get(at + 1) == Some(&'\\') {
        let from = (at + 3).min(chars.len());
        return chars[from..]
            .iter()
            .position(|c| *c == '\'')
            .map_or(chars.len(), |n| from + n + 1);
    }
    if chars.get(at + 2) == Some(&'\'') {
        at + 3
    } else {
        at
    }
}

/// Every function with a body, nested ones too, in the order of their first lines.
pub(super) fn functions(text: &str) -> Vec<Function> {
    let chars: Vec<char> = code_only(text).chars().collect();
    let mut found = Vec::new();
    for at in word_positions(&chars, "fn") {
        let name: String = chars[at + 2..]
            .iter()
            .skip_while(|c| c.is_whitespace())
            .take_while(|c| is_word(**c))
            .collect();
        // Without a name it is a function pointer type; without a body, a promise of a trait.
        if let Some(end) = end_of_body(&chars, at).filter(|_| !name.is_empty()) {
            let newlines = |part: &[char]| part.iter().filter(|c| **c == '\n').count();
            found.push(Function {
                name,
                line: newlines(&chars[..at]) + 1,
                lines: newlines(&chars[at..end]) + 1,
            });
        }
    }
    found
}

/// The closing brace of the body of the function whose `fn` is at `at`.
fn end_of_body(chars: &[char], at: usize) -> Option<usize> {
    let (mut inside, mut braces) = (0_usize, 0_usize);
    for (n, c) in chars[at..].iter().enumerate() {
        match c {
            '(' | '[' => inside += 1,
            ')' | ']' => inside = inside.checked_sub(1)?,
            ';' if inside == 0 && braces == 0 => return None,
            '{' => braces += 1,
            '}' => {
                braces = braces.checked_sub(1)?;
                if braces == 0 && inside == 0 {
                    return Some(at + n);
                }
            }
            _ => {}
        }
    }
    None
}

/// Where `word` stands as the start of a path or call: nothing that could be part of a name stands before it.
pub(super) fn mentions(code: &str, word: &str) -> Vec<usize> {
    let starts = code
        .match_indices(word)
        .filter(|(at, _)| !code[..*at].ends_with(is_word));
    starts
        .map(|(at, _)| code[..at].matches('\n').count() + 1)
        .collect()
}

fn word_positions(chars: &[char], word: &str) -> Vec<usize> {
    let letters: Vec<char> = word.chars().collect();
    let free = |at: usize| chars.get(at).is_none_or(|c| !is_word(*c));
    (0..chars.len().saturating_sub(letters.len()))
        .filter(|at| chars[*at..].starts_with(&letters))
        .filter(|at| (*at == 0 || free(at - 1)) && free(at + letters.len()))
        .collect()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[test]
fn comments_strings_and_characters_are_not_code() {
    let text = r##"a /* { /* fn x() { */ */ b // {
c "{ \" {" d r#"{ " {"# e '{' f '\'' g '\u{7b}' <'life> br"{" h"##;
    let words: Vec<String> = code_only(text)
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    assert_eq!(words.join(" "), "a b c d e f g <'life> b h");
    assert_eq!(code_only(text).lines().count(), 2);
}

#[test]
fn functions_are_measured_from_their_first_word_to_their_last_brace() {
    let text = "trait T { fn promise(&self, x: [u8; 4]); }\nfn one() {}\nconst F: fn(u8) = g;\n\
        async fn two<'a>(\n    x: &'a str,\n) where [u8; { 3 }]: Sized {\n    fn inner() { '{'; }\n    if x == \"}\" {\n    }\n}\n";
    let measured: Vec<_> = functions(text)
        .into_iter()
        .map(|f| (f.name, f.line, f.lines))
        .collect();
    let expected = [("one", 2, 1), ("two", 4, 7), ("inner", 7, 1)];
    assert_eq!(
        measured,
        expected.map(|(name, line, lines)| (name.to_owned(), line, lines))
    );
}

#[test]
fn a_mention_is_a_whole_first_word() {
    assert_eq!(mentions("x\nenv::var_os(); my_env::var()", "env::var"), [2]);
}
