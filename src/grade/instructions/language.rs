//! The language of a text, as the detector tells that IFEval's checker uses.
//!
//! That is `langdetect` 1.0.9, a naive Bayes classifier over character n-grams (Nakatani, "Language Detection Library
//! for Java", 2010), here in a port that follows its random walk. The published checker leaves the walk without a seed,
//! so that its own labels of short or mixed texts differ from run to run; here the seed is 0, and a text has one answer.

use std::sync::LazyLock;

use langdetect::DetectorFactory;
use langdetect::Seed;

static DETECTOR: LazyLock<DetectorFactory> = LazyLock::new(|| {
    let mut detector = DetectorFactory::builtin().clone();
    detector.seed = Seed::Int(0);
    detector
});

/// Whether the text is in the language: a code of ISO 639-1 such as `en`, or `zh-cn` and `zh-tw`; `zh` means both.
/// A text whose language nothing tells counts as in any, as published.
pub(super) fn is_in(text: &str, language: &str) -> bool {
    DETECTOR
        .detect(text)
        .map_or(true, |found| found == language || found.split_once('-').is_some_and(|(family, _)| family == language))
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
            assert_eq!(detected(text), Some(language.to_owned()), "{text}");
            assert!(is_in(text, language) && !is_in(text, "so"), "{text}");
        }
    }

    fn detected(text: &str) -> Option<String> {
        DETECTOR.detect(text).ok()
    }

    /// What langdetect 1.0.9 says on `CPython` 3.11 with `DetectorFactory.seed = 0`: words in capitals are hard for it.
    #[test]
    fn its_oddities_are_kept() {
        let rows = [
            ("12345 !!", None),
            ("HELLO WORLD", Some("so")),
            ("Hello", Some("fi")),
            ("no", Some("tl")),
            ("ok ok ok", Some("sk")),
            ("bonjour, le monde is beautiful", Some("fr")),
            ("THIS IS AN ANSWER IN CAPITAL LETTERS ONLY, AS ASKED.", Some("en")),
            ("TOUS LES ÊTRES HUMAINS NAISSENT LIBRES ET ÉGAUX EN DIGNITÉ ET EN DROITS.", Some("de")),
            ("KAIKKI IHMISET SYNTYVÄT VAPAINA JA TASAVERTAISINA", Some("id")),
            ("人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心，并应以兄弟关系的精神相对待。", Some("zh-cn")),
        ];
        for (text, language) in rows {
            assert_eq!(detected(text).as_deref(), language, "{text}");
        }
    }

    #[test]
    fn what_nothing_tells_is_in_any_language_and_chinese_is_one() {
        assert!(is_in("12345 !!", "fr"));
        assert!(!is_in("Bonjour tout le monde, comment allez-vous ?", "en"));
        let chinese = "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心，并应以兄弟关系的精神相对待。";
        assert!(is_in(chinese, "zh") && is_in(chinese, "zh-cn") && !is_in(chinese, "zh-tw"));
    }
}
