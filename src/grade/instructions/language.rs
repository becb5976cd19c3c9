//! The language of a text, by script and by function words.
//!
//! A heuristic, not the trained detector of the original: it tells apart the thirty languages that IFEval uses and a
//! few neighbours, needs a handful of words, and answers `None` where it finds nothing to go by.

/// Function words by language; words that several share help the one with more hits.
const WORDS: [(&str, &str); 18] = [
    (
        "en",
        " the and of to in is it that was for on are with as be this have from or by not but what all were we when your can said there an which their if will you i my he she they at his her has had so do about our would ",
    ),
    (
        "es",
        " el la los las de del y en que es un una por con para no se su al lo como más pero sus le ya o este sí porque esta entre cuando muy sin sobre también me hasta hay donde quien desde todo nos durante ",
    ),
    (
        "pt",
        " o a os as de do da dos das e em no na que é um uma por com para não se seu sua ao mais mas foi como ele ela você isso também são muito já está nos pelo pela até sem ser quando ",
    ),
    (
        "fr",
        " le la les de des du et en un une est que qui dans pour pas sur au aux par plus ne se ce cette il elle nous vous avec sont mais ou son sa ses comme tout être je leur où même très ",
    ),
    (
        "de",
        " der die das und ist in den von zu mit sich des auf für nicht ein eine einer als auch es an werden aus er hat dass sie nach wird bei wir ich noch wie einem über so zum haben nur oder aber vor zur mehr durch sind ",
    ),
    (
        "it",
        " il lo la i gli le di del della dei e è in un una che per con non si da al come più ma sono nel nella anche questo questa o ha alla dal ci se suo sua essere molto quando tutto loro ",
    ),
    (
        "nl",
        " de het een en van in is dat op te zijn met voor niet aan er om ook als maar bij wordt naar uit door over ze hij heeft dit deze zij kan meer wij ik ",
    ),
    (
        "pl",
        " i w na z do się nie to jest że o jak po co ale za od przez dla przy są już tylko był była tak może czy ich jego jej który która które ten tym gdy lub oraz bardzo ",
    ),
    (
        "fi",
        " ja on ei se että oli hän ovat mutta niin kuin joka myös tai kun sen hänen ole vain jos mitä ne tämä sitä nyt olla voi minä sinä me he jo sekä kanssa ",
    ),
    (
        "vi",
        " và của là có không được cho các một những trong với này đã người để khi đó như từ cũng về ra vào lại tôi bạn chúng rất nhưng nếu thì hay sẽ ở ",
    ),
    (
        "sw",
        " na ya wa kwa ni katika za la kuwa hii cha kama yake ambayo si pia hiyo watu au lakini wao mimi wewe yeye sisi hivyo sana zaidi huo huu vya ",
    ),
    (
        "sv",
        " och att det i en är på som för av med den till inte har de om ett var från men jag sig så han kan vi eller där när nu ska vara ",
    ),
    (
        "da",
        " og at det i en er på som for af med den til ikke har de om et var fra men jeg sig så han kan vi eller der når nu skal være ",
    ),
    (
        "ro",
        " și de în la cu pe nu o un una care este din că pentru mai sau ce sunt fi fost au lui ei prin dar dacă după acest această ",
    ),
    (
        "tr",
        " ve bir bu da de için ile olarak çok daha gibi ne var o kadar ama en değil olan sonra mi ben sen biz her şey ",
    ),
    (
        "id",
        " dan yang di ini itu dengan untuk dari dalam tidak pada adalah akan ke saya kamu atau juga karena oleh ada bisa sudah mereka kami lebih seperti ",
    ),
    (
        "hu",
        " a az és hogy nem is egy ez volt de meg csak már van ha mint még el vagy azt ki fel ezt nagyon lehet minden ",
    ),
    (
        "cs",
        " a se v na je že to s z do o i jako po za by jsem ale ve si tak pro jeho podle co při od jsou byl které nebo ",
    ),
];

/// The two-letter code of the language; `None` where nothing tells.
pub fn detect(text: &str) -> Option<&'static str> {
    let sample: String = text.chars().take(20_000).collect::<String>().to_lowercase();
    let (script, share) = script(&sample)?;
    if script != "latin" && share > 0.3 {
        return Some(by_script(script, &sample));
    }
    latin(&sample)
}

/// The script with most letters and its share; Latin counts a third, since foreign texts quote it.
fn script(text: &str) -> Option<(&'static str, f64)> {
    let mut counts: Vec<(&'static str, usize)> = Vec::new();
    let mut letters = 0;
    for c in text.chars().filter(|c| c.is_alphabetic() || matches!(c, '\u{900}'..='\u{d7f}' | '\u{e00}'..='\u{e7f}')) {
        letters += 1;
        let script = script_of(c);
        match counts.iter_mut().find(|(name, _)| *name == script) {
            Some((_, n)) => *n += 1,
            None => counts.push((script, 1)),
        }
    }
    let most = counts.into_iter().max_by_key(|(name, n)| if *name == "latin" { n / 3 } else { *n })?;
    Some((most.0, most.1 as f64 / f64::from(letters)))
}

fn script_of(c: char) -> &'static str {
    match c {
        '\u{370}'..='\u{3ff}' => "greek",
        '\u{400}'..='\u{52f}' => "cyrillic",
        '\u{590}'..='\u{5ff}' => "hebrew",
        '\u{600}'..='\u{77f}' => "arabic",
        '\u{900}'..='\u{97f}' => "devanagari",
        '\u{980}'..='\u{9ff}' => "bengali",
        '\u{a00}'..='\u{a7f}' => "gurmukhi",
        '\u{a80}'..='\u{aff}' => "gujarati",
        '\u{b80}'..='\u{bff}' => "tamil",
        '\u{c00}'..='\u{c7f}' => "telugu",
        '\u{c80}'..='\u{cff}' => "kannada",
        '\u{d00}'..='\u{d7f}' => "malayalam",
        '\u{e00}'..='\u{e7f}' => "thai",
        '\u{1100}'..='\u{11ff}' | '\u{ac00}'..='\u{d7af}' => "hangul",
        '\u{3040}'..='\u{30ff}' | '\u{4e00}'..='\u{9fff}' => "han",
        _ => "latin",
    }
}

fn by_script(script: &str, text: &str) -> &'static str {
    let any = |letters: &[char]| text.contains(letters);
    let words = |list: &str| {
        text.split(|c: char| !is_word(c)).filter(|w| !w.is_empty() && list.contains(&format!(" {w} "))).count()
    };
    match script {
        "greek" => "el",
        "cyrillic" if any(&['і', 'ї', 'є', 'ґ']) => "uk",
        "cyrillic"
            if !any(&['ы', 'э', 'ё'])
                && words(" и на е в от да се за не са с по че това като ще беше ") > 0
                && text.contains('ъ') =>
        {
            "bg"
        }
        "cyrillic" => "ru",
        "hebrew" => "he",
        "arabic" if any(&['ٹ', 'ڈ', 'ڑ', 'ے', 'ں', 'ہ']) => "ur",
        "arabic" if any(&['پ', 'چ', 'ژ', 'گ', 'ی']) => "fa",
        "arabic" => "ar",
        "devanagari" => devanagari(&words),
        "bengali" => "bn",
        "gurmukhi" => "pa",
        "gujarati" => "gu",
        "tamil" => "ta",
        "telugu" => "te",
        "kannada" => "kn",
        "malayalam" => "ml",
        "thai" => "th",
        "hangul" => "ko",
        _ if text.chars().any(|c| matches!(c, '\u{3040}'..='\u{30ff}')) => "ja",
        _ => "zh-cn",
    }
}

fn devanagari(words: &dyn Fn(&str) -> usize) -> &'static str {
    let hits = [
        ("hi", words(" है हैं के की का में से को और यह पर एक नहीं था भी कि जो ने हो ")),
        ("mr", words(" आहे आहेत आणि च्या मध्ये हे ही तो ती नाही होते एक मी तुम्ही करा ")),
        ("ne", words(" छ छन् र को मा छैन हो भने पनि यो त्यो लागि गर्न तपाईं हुन्छ गर्नुहोस् ")),
    ];
    hits.into_iter().rev().max_by_key(|(_, n)| *n).map_or("hi", |(language, n)| if n == 0 { "hi" } else { language })
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '\'' || matches!(c, '\u{900}'..='\u{97f}')
}

fn latin(text: &str) -> Option<&'static str> {
    let words: Vec<String> =
        text.split(|c: char| !is_word(c)).filter(|w| !w.is_empty()).map(|w| format!(" {w} ")).collect();
    let hits = |list: &str| words.iter().filter(|word| list.contains(word.as_str())).count();
    let (language, most) =
        WORDS.iter().rev().map(|(language, list)| (*language, hits(list))).max_by_key(|(_, n)| *n)?;
    (most > 0).then_some(language)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Article 1 of the Universal Declaration of Human Rights.
    #[test]
    fn the_declaration_is_told_in_many_languages() {
        let rows = [
            (
                "en",
                "All human beings are born free and equal in dignity and rights. They are endowed with reason and conscience.",
            ),
            (
                "es",
                "Todos los seres humanos nacen libres e iguales en dignidad y derechos y, dotados como están de razón y conciencia",
            ),
            (
                "pt",
                "Todos os seres humanos nascem livres e iguais em dignidade e em direitos. Dotados de razão e de consciência",
            ),
            (
                "fr",
                "Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont doués de raison et de conscience",
            ),
            (
                "de",
                "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft und Gewissen begabt",
            ),
            (
                "it",
                "Tutti gli esseri umani nascono liberi ed eguali in dignità e diritti. Essi sono dotati di ragione e di coscienza",
            ),
            (
                "pl",
                "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw. Są oni obdarzeni rozumem",
            ),
            (
                "fi",
                "Kaikki ihmiset syntyvät vapaina ja tasavertaisina arvoltaan ja oikeuksiltaan. Heille on annettu järki ja omatunto",
            ),
            (
                "vi",
                "Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền. Mọi người đều được tạo hoá ban cho lý trí",
            ),
            ("sw", "Watu wote wamezaliwa huru, hadhi na haki zao ni sawa. Wote wamejaliwa akili na dhamiri"),
            (
                "ru",
                "Все люди рождаются свободными и равными в своем достоинстве и правах. Они наделены разумом и совестью",
            ),
            (
                "uk",
                "Всі люди народжуються вільними і рівними у своїй гідності та правах. Вони наділені розумом і совістю",
            ),
            ("bg", "Всички хора се раждат свободни и равни по достойнство и права. Те са надарени с разум и съвест"),
            ("ar", "يولد جميع الناس أحراراً متساوين في الكرامة والحقوق"),
            ("fa", "تمام افراد بشر آزاد به دنیا می‌آیند و از لحاظ حیثیت و حقوق با هم برابرند"),
            ("ur", "تمام انسان آزاد اور حقوق و عزت کے اعتبار سے برابر پیدا ہوئے ہیں"),
            ("hi", "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है"),
            ("ne", "सबै व्यक्तिहरू जन्मजात स्वतन्त्र हुन् ती सबैको समान अधिकार र महत्व छ"),
            ("mr", "सर्व मानवी व्यक्ति जन्मतः स्वतंत्र आहेत आणि प्रतिष्ठा व अधिकार समान आहेत"),
            ("ko", "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다"),
            ("ja", "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である"),
            ("th", "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ"),
            ("ta", "மனிதப் பிறிவியினர் சகலரும் சுதந்திரமாகவே பிறக்கின்றனர்"),
            ("kn", "ಎಲ್ಲಾ ಮಾನವರೂ ಸ್ವತಂತ್ರರಾಗಿಯೇ ಜನಿಸಿದ್ದಾರೆ"),
        ];
        for (language, text) in rows {
            assert_eq!(detect(text), Some(language), "{text}");
            assert_eq!(detect(&text.to_uppercase()), Some(language), "{text}");
        }
        assert_eq!(detect("12345 !!"), None);
    }
}
