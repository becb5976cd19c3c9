//! Porter's stemmer with the extensions of NLTK, as `rouge-score` uses it.
//!
//! Reference: Porter 1980, "An algorithm for suffix stripping"; the extensions are those that NLTK documents.

/// Words with a stem of their own.
const IRREGULAR: [(&str, &str); 16] = [
    ("sky", "sky"),
    ("skies", "sky"),
    ("dying", "die"),
    ("lying", "lie"),
    ("tying", "tie"),
    ("news", "news"),
    ("innings", "inning"),
    ("inning", "inning"),
    ("outings", "outing"),
    ("outing", "outing"),
    ("cannings", "canning"),
    ("canning", "canning"),
    ("howe", "howe"),
    ("proceed", "proceed"),
    ("exceed", "exceed"),
    ("succeed", "succeed"),
];

const STEP_2: [(&str, &str); 21] = [
    ("ational", "ate"),
    ("tional", "tion"),
    ("enci", "ence"),
    ("anci", "ance"),
    ("izer", "ize"),
    ("bli", "ble"),
    ("alli", "al"),
    ("entli", "ent"),
    ("eli", "e"),
    ("ousli", "ous"),
    ("ization", "ize"),
    ("ation", "ate"),
    ("ator", "ate"),
    ("alism", "al"),
    ("iveness", "ive"),
    ("fulness", "ful"),
    ("ousness", "ous"),
    ("aliti", "al"),
    ("iviti", "ive"),
    ("biliti", "ble"),
    ("fulli", "ful"),
];

const STEP_3: [(&str, &str); 7] =
    [("icate", "ic"), ("ative", ""), ("alize", "al"), ("iciti", "ic"), ("ical", "ic"), ("ful", ""), ("ness", "")];

const STEP_4: [&str; 19] = [
    "al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion", "ou", "ism", "ate", "iti",
    "ous", "ive", "ize",
];

/// The stem of a word of ASCII letters and digits in lower case.
pub(super) fn stem(word: &str) -> String {
    if let Some((_, stem)) = IRREGULAR.iter().find(|(known, _)| *known == word) {
        return (*stem).to_owned();
    }
    if word.len() <= 2 || !word.is_ascii() {
        return word.to_owned();
    }
    let word = step_1c(step_1b(step_1a(word)));
    let word = step_4(step_3(step_2(word)));
    step_5(word)
}

/// Which letters are vowels; `y` is one after a consonant.
fn vowels(word: &str) -> Vec<bool> {
    let mut flags: Vec<bool> = Vec::with_capacity(word.len());
    for byte in word.bytes() {
        let vowel = match byte {
            b'a' | b'e' | b'i' | b'o' | b'u' => true,
            b'y' => flags.last().is_some_and(|before| !before),
            _ => false,
        };
        flags.push(vowel);
    }
    flags
}

/// Changes from vowel to consonant: the measure m.
fn measure(word: &str) -> usize {
    vowels(word).windows(2).filter(|pair| pair[0] && !pair[1]).count()
}

fn has_vowel(word: &str) -> bool {
    vowels(word).contains(&true)
}

fn ends_double(word: &str) -> bool {
    let bytes = word.as_bytes();
    bytes.len() >= 2 && bytes[bytes.len() - 1] == bytes[bytes.len() - 2] && vowels(word).last() == Some(&false)
}

/// Consonant, vowel, consonant other than w, x, y; or a word of just vowel and consonant.
fn ends_cvc(word: &str) -> bool {
    match vowels(word).as_slice() {
        [.., false, true, false] => !word.ends_with(['w', 'x', 'y']),
        [true, false] => true,
        _ => false,
    }
}

fn step_1a(word: &str) -> String {
    let rules = [("sses", "ss"), ("ies", "i"), ("ss", "ss"), ("s", "")];
    if word.len() == 4 && word.ends_with("ies") {
        return format!("{}ie", &word[..1]);
    }
    let rule = rules.iter().find_map(|(end, new)| word.strip_suffix(end).map(|stem| format!("{stem}{new}")));
    rule.unwrap_or_else(|| word.to_owned())
}

fn step_1b(word: String) -> String {
    if let Some(stem) = word.strip_suffix("ied") {
        return if word.len() == 4 { format!("{stem}ie") } else { format!("{stem}i") };
    }
    if let Some(stem) = word.strip_suffix("eed") {
        return if measure(stem) > 0 { format!("{stem}ee") } else { word };
    }
    let cut = ["ed", "ing"].iter().find_map(|end| word.strip_suffix(end).filter(|stem| has_vowel(stem)));
    let Some(stem) = cut else { return word };
    if ["at", "bl", "iz"].iter().any(|end| stem.ends_with(end)) {
        return format!("{stem}e");
    }
    if ends_double(stem) {
        let keeps = stem.ends_with(['l', 's', 'z']);
        return if keeps { stem.to_owned() } else { stem[..stem.len() - 1].to_owned() };
    }
    if measure(stem) == 1 && ends_cvc(stem) { format!("{stem}e") } else { stem.to_owned() }
}

fn step_1c(word: String) -> String {
    match word.strip_suffix('y') {
        Some(stem) if stem.len() > 1 && vowels(stem).last() == Some(&false) => format!("{stem}i"),
        _ => word,
    }
}

fn step_2(word: String) -> String {
    if let Some(stem) = word.strip_suffix("alli").filter(|stem| measure(stem) > 0) {
        return step_2(format!("{stem}al"));
    }
    let rule = STEP_2.iter().find_map(|(end, new)| word.strip_suffix(end).map(|stem| (stem, *new)));
    match rule {
        Some((stem, new)) if measure(stem) > 0 => format!("{stem}{new}"),
        Some(_) => word,
        None => match word.strip_suffix("ogi") {
            Some(stem) if stem.ends_with('l') && measure(&word[..word.len() - 3]) > 0 => format!("{stem}og"),
            _ => word,
        },
    }
}

fn step_3(word: String) -> String {
    let rule = STEP_3.iter().find_map(|(end, new)| word.strip_suffix(end).map(|stem| (stem, *new)));
    match rule {
        Some((stem, new)) if measure(stem) > 0 => format!("{stem}{new}"),
        _ => word,
    }
}

fn step_4(word: String) -> String {
    let Some((stem, end)) = STEP_4.iter().find_map(|end| word.strip_suffix(end).map(|stem| (stem, *end))) else {
        return word;
    };
    let fits = measure(stem) > 1 && (end != "ion" || stem.ends_with(['s', 't']));
    if fits { stem.to_owned() } else { word }
}

fn step_5(word: String) -> String {
    let word = match word.strip_suffix('e') {
        Some(stem) if measure(stem) > 1 || (measure(stem) == 1 && !ends_cvc(stem)) => stem.to_owned(),
        _ => word,
    };
    match word.strip_suffix('l') {
        Some(stem) if stem.ends_with('l') && measure(stem) > 1 => stem.to_owned(),
        _ => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stems by NLTK 3.10's `PorterStemmer()`, in its default mode.
    const STEMS: &str = "caresses:caress ponies:poni ties:tie cats:cat feed:feed agreed:agre plastered:plaster bled:bled motoring:motor sing:sing conflated:conflat troubled:troubl sized:size hopping:hop tanned:tan falling:fall hissing:hiss fizzed:fizz failing:fail filing:file happy:happi sky:sky enjoy:enjoy relational:relat conditional:condit rational:ration valenci:valenc hesitanci:hesit digitizer:digit conformabli:conform radicalli:radic differentli:differ vileli:vile analogousli:analog vietnamization:vietnam predication:predic operator:oper feudalism:feudal decisiveness:decis hopefulness:hope callousness:callous formaliti:formal sensitiviti:sensit sensibiliti:sensibl triplicate:triplic formative:form formalize:formal electriciti:electr electrical:electr hopeful:hope goodness:good revival:reviv allowance:allow inference:infer airliner:airlin gyroscopic:gyroscop adjustable:adjust defensible:defens irritant:irrit replacement:replac adjustment:adjust dependent:depend adoption:adopt homologou:homolog communism:commun activate:activ angulariti:angular homologous:homolog effective:effect bowdlerize:bowdler probate:probat rate:rate cease:ceas controll:control roll:roll dying:die lying:lie news:news skies:sky innings:inning proceed:proceed died:die dies:die generally:gener geology:geolog spied:spi tries:tri yellow:yellow beautifully:beauti";

    #[test]
    fn stems_equal_nltk() {
        for pair in STEMS.split(' ') {
            let (word, expected) = pair.split_once(':').unwrap();
            assert_eq!(stem(word), expected, "{word}");
        }
    }
}
