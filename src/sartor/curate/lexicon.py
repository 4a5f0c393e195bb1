"""Closed classes of words: what may never be taken for a typing error, and what only dresses a request."""

from sartor.data import vocabulary


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


CONTRACTIONS = _words(
    """
    cannot cant dont doesnt didnt wont wouldnt shouldnt couldnt isnt arent wasnt werent hasnt havent hadnt mustnt neednt
    aint mightnt shant nt
    """
)
"""Verbs that carry their negation, as they stand after apostrophes went."""
NEGATIONS = CONTRACTIONS | _words(
    """
    no not never none nobody nothing nowhere neither nor without non nope lack lacks except
    nicht kein keine keinen keinem keiner niemals ohne pas jamais sans aucun aucune nunca ningun ninguna
    não nao nem senza nessuno niet geen nooit zonder
    """
)

NUMBER_WORDS = _words(
    """
    hundred hundreds thousand thousands million millions billion billions trillion dozen half halves quarter quarters
    thirds double triple single both once twice thrice last next
    all any every each some few many most more less least fewer several only
    """
).union(vocabulary.ONES, vocabulary.TENS, vocabulary.ORDINALS)
"""Numbers, ordinals and quantifiers."""

UNITS = _words(
    """
    ms hourly daily nightly weekly monthly yearly cl yard yards kb mb gb tb kbit mbit gbit byte bytes bit bits
    hz khz mhz ghz w kw mw v kv watt watts volt volts amp amps bar psi pa kpa
    cent cents penny pence yen yuan rupee rupees franc francs peso pesos krona kronor
    jpy cny inr chf aud nzd sek nok dkk pln czk huf brl mxn zar krw sgd hkd btc eth celsius fahrenheit kelvin am pm mol
    """
).union(vocabulary.UNITS)

CALENDAR = _words(
    """
    monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs fri sat sun
    today tomorrow yesterday tonight noon
    """
).union(vocabulary.MONTHS)

DIRECTIONS = _words("from to into onto out in on off up down before after above below over under than versus vs via by")

GUARDED = NUMBER_WORDS | UNITS | CALENDAR
"""Quantities and times; the short ones are a letter away from each other."""

FUNCTION_WORDS = DIRECTIONS | _words(
    """
    a an the this that these those i me my mine myself you your yours he him his she her hers it its we us our ours they
    them their theirs who whom whose which what when where why how am is are was were be been being do does did done has
    have had having can could will would shall should may might must of at for with about as if and or but so because
    while there here then just also too very im ive id ill its thats whats hes shes youre were theyre let lets get got
    want need
    """
)
"""Words that build a sentence and name nothing."""

_POLITE = """
    hello; hi; hey; hiya; hello there; hi there; hey there; hello all; hi all; hi everyone; hello everyone; hi team;
    hello team; dear team; dear support; dear all; dear sir; dear madam; dear sir or madam; dear sir madam; dear sirs;
    greetings; good morning; good afternoon; good evening; good day; to whom it may concern; hope you are well;
    i hope you are well; hope you are doing well; i hope you are doing well; hope this finds you well; excuse me;
    sorry to bother you; quick question; a quick question; just a quick question; one quick question;
    i have a quick question; please; kindly; pls; plz; please help; please help me; please advise; please assist;
    help please; help me please; advise please;
    thanks; thank you; thanks a lot; thanks so much; thank you so much; thank you very much; thanks very much; many thanks;
    thanks again; thank you again; thanks in advance; thank you in advance; thanks for your help; thx; cheers;
    thank you for your help; thanks for the help; thank you for your time; thanks for your time; best regards;
    kind regards; warm regards; yours sincerely; yours faithfully; yours truly; any help is appreciated;
    any help appreciated; any help would be appreciated; any help would be great; your help is appreciated;
    i appreciate your help; have a nice day; have a good day; have a great day; looking forward to hearing from you;
    hallo; guten tag; guten morgen; bitte; danke; vielen dank; danke schön; bonjour; sil vous plaît; merci;
    merci beaucoup; hola; buenos dias; buenos días; buenas tardes; por favor; gracias; muchas gracias; buongiorno;
    grazie; grazie mille; olá; obrigado; obrigada; goedendag; dank u; bedankt
"""
_FIRST = "sorry; pardon me; i have a question; salut; ciao"
_LAST = """
    regards; best wishes; sincerely; ty; can you help; can you help me; can anyone help; could you help;
    could you help me; let me know; sorry
"""


def _phrases(text: str) -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(phrase.split()) for phrase in text.split(";"))


POLITE = _phrases(_POLITE)
"""What dresses a request wherever it stands; the longest has seven words."""
OPENINGS = POLITE | _phrases(_FIRST)
"""What does at the beginning of a text."""
CLOSINGS = POLITE | _phrases(_LAST)
"""What does at its end."""
EXISTS = _words("is are was were has have seems seem must should will isnt arent wasnt appears")
"""Verbs that make a `there` before them part of the sentence: `Hello, there is …`."""
INVERTED = _words("there it this that these those my your our the you i we he she they any")
"""Unless these follow: `Hello there, is it …`."""
