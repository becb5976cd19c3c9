//! Parameters of the English Punkt model: which words with a period are abbreviations, and what opens a sentence.
//!
//! The values are facts about the model that NLTK distributes as `punkt_tab/english` (trained by Jan Strunk on the
//! Wall Street Journal part of the Penn Treebank), so that counts agree with it.

/// The type of all numbers.
pub(super) const NUMBER: &str = "##number##";

const ABBREVIATIONS: &str = " ct m.j t a.c n.h ms p.a.m dr pa p.m u.k st dec u.s.a lt g.k adm p h.m ga tenn yr sen n.c \
    j.j d.h s.g inc vs s.p.a a.t n feb sr jan s.a.y n.y col g.f c.o.m.b d ft va r.k e.f chg r.i a.g minn a.h k n.j m \
    l.f f.j gen i.m.s s.a aug j.p okla m.d.c ltd oct s vt r.a j.c ariz w.w b.v ore h w.r e.h mrs cie corp w n.v a.d r.j \
    ok e.m w.c ill nov u.s prof conn u.s.s.r mg f.g ph.d g calif messrs h.f wash tues sw bros u.n l wis mr sep d.c ave \
    e.l co s.s reps c r.t h.c r wed a.s v fla jr r.h c.v m.b.a rep a.a e c.i.t l.a b.f j.b d.w j.k ala f w.va sept mich \
    n.m j.r l.p s.c colo fri a.m g.d kan maj ky a.m.e n.d t.j cos nev ";

const STARTERS: &str = " most he since so both these it nevertheless this indeed however instead under similarly some \
    though while when in despite although nonetheless thus there if the nor separately moreover but they yet many \
    according sales among meanwhile even i ";

const COLLOCATIONS: &str = " b:stewart i:toussie j:fialka o:ludcke i:magnin b:wigton b:edelman b:levine b:smith \
    j:walter j:aron ";

const AFTER_NUMBERS: &str = " international rj commodities cooper genentech wedgestone pepper insider aes credit \
    corrections financing henley business pay-fone leisure pegasus dividend review abreast who letters colgate cbot \
    notable zimmer ";

/// Frequent words that the model knows in lower case and never with a capital inside a sentence.
const OPENERS: &str = " above accept adapt adjust afterwards allow almost already always anyone anything apply approach arrange ask \
    assign assume attach beat became become begin behind being better between boil break build came cannot carry \
    cause check choose climb collect combine compare complete consider contact contribute convert cool copy \
    create currently define deliver describe determine develop different discover discuss does doing done drain \
    drink early either encourage engage enjoy enough ensure enter essentially establish evaluate eventually ever \
    examine example exercise explain explore fill finally finish follow following forget freeze frequently \
    furthermore gather gave given going grab hear her here him hold imagine immediately important improve \
    include indeed inform install instead into involve kept knew known learn least likewise listen maintain \
    manage mean mention mix moreover need nor normally note nothing number observe occasionally onto overall \
    paint pick play please practice prepare present previously protect provide pull put rarely receive recently \
    remember remove replace reply require right roll same saw seem select send serve similarly sing sit so \
    someone sometimes soon speak specifically spend spread squeeze still submit such suddenly suggest teach \
    thank them themselves things think though through thus together train transfer treat try turn typically \
    understand unfortunately upon us using very wait walk wear went were whether which whole within without yes \
    yet your ";

/// Frequent words that the model knows in lower case, and with a capital in titles.
const TITLED: &str = " a about access across act add after again against all also although among an and another answer any are \
    around as at attempt avoid basically be because been before began below best book both bring brought but buy \
    by called can care catch certain change clean clear clearly close come continue could count cover cut day \
    days design did do down drive during each easy eat even every everyone everything express far feel few find \
    first focus for found from full further general generally get give go good got great grow had has have \
    having he help his how however identify if in increase is it its itself join just keep kind know large last \
    later lay lead leave less let like likely little live long look lower made make makes making many mark may \
    maybe me means measure meet might monitor more most move much must my near nearly never next no nobody none \
    not now obviously of off offer often on once one only open or order other others our out over own part pay \
    people perhaps place plan plant possible press print produce promote push raise rather reach read really \
    reduce request rest return review run said save say search second see seen sell set several share she should \
    show since sleep small some something start stay stop store study support sure take taken talk tell test \
    than that the their then there these they third this those time to today too toward travel two under until \
    up use used usually visit want was watch way we well what whatever when where while who whose why will with \
    work worry would write you ";

fn lists(list: &str, word: &str) -> bool {
    !word.is_empty() && !word.contains(' ') && list.contains(&format!(" {word} "))
}

/// Whether a word, in lower case and without its period, is an abbreviation.
pub(super) fn is_abbreviation(word: &str) -> bool {
    lists(ABBREVIATIONS, word)
}

/// Whether a word often opens sentences.
pub(super) fn is_starter(word: &str) -> bool {
    lists(STARTERS, word)
}

/// Whether two words belong together across a period.
pub(super) fn is_collocation(first: &str, second: &str) -> bool {
    if first == NUMBER { lists(AFTER_NUMBERS, second) } else { lists(COLLOCATIONS, &format!("{first}:{second}")) }
}

/// Whether a word has a capital only where a sentence begins.
pub(super) fn is_opener(word: &str) -> bool {
    lists(OPENERS, word)
}

/// Whether a word is known in lower case: no name.
pub(super) fn is_common(word: &str) -> bool {
    is_opener(word) || lists(TITLED, word)
}
