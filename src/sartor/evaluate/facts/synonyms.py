"""One word for what a doctor and a patient call by two names, so that plain language keeps its facts."""

from collections.abc import Sequence

from sartor.evaluate.facts.words import stem

_CONCEPTS = """
hypertension: high blood pressure | elevated blood pressure | htn
hypotension: low blood pressure
diabetes: diabetic | high blood sugar | high sugar | sugar disease
hyperlipidemia: high cholesterol | elevated cholesterol | hypercholesterolemia | dyslipidemia
infarction: myocardial infarction | heart attack | mi | mis
stroke: cva | cerebrovascular accident | cerebrovascular disease
coronary disease: coronary artery disease | cad | heart disease | heart problem
heart failure: congestive heart failure | chf | weak heart
fibrillation: atrial fibrillation | afib | a fib
palpitation: racing heart | heart racing | fast heart beat | fast heartbeat | irregular heart beat | irregular heartbeat
dyspnea: shortness of breath | short of breath | breathlessness | breathless | trouble breathing | difficulty breathing | sob
nausea: nauseous | nauseated | sick to my stomach | queasy
vomit: vomiting | throw up | threw up | throwing up | thrown up | emesis
diarrhea: diarrhoea | loose stool
melena: black stool | tarry stool
hematochezia: bloody stool | blood in stool | blood in my stool
hematuria: blood in urine | blood in my urine | bloody urine
hemoptysis: cough up blood | coughing up blood
bleed: bleeding | blood loss | hemorrhage
abdomen: abdominal | stomach | belly | tummy
fever: febrile | high temperature
edema: swelling | swollen | swell
erythema: redness
pruritus: itch | itching | itchy | itchiness | pruritic
dysphagia: difficulty swallowing | trouble swallowing | swallowing difficulty | swallowing problem
dysuria: painful urination | pain with urination | pain while urinating | burning with urination
urine: urination | urinate | urinating | urinary | pee
photophobia: sensitive to light | light sensitivity | sensitivity to light
paresthesia: tingling | pins and needles
syncope: fainting | fainted | passed out | blackout
dizzy: dizziness | vertigo | lightheaded | room spinning
fatigue: tired | tiredness | exhausted
insomnia: trouble sleeping | difficulty sleeping | sleeplessness
depression: depressed | depressive
anxiety: anxious
hearing loss: hard of hearing | hearing problem | hearing difficulty | difficulty hearing | trouble hearing | deaf
vision: visual | eyesight
alcohol: etoh | drink | drinking | beer | wine | liquor
smoke: smoker | smoking | tobacco | cigarette
marijuana: weed | cannabis | pot
methamphetamine: meth
medication: medicine | med
illicit drug: illicit drugs | recreational drug | street drug | illegal drug
anticoagulant: blood thinner
painkiller: pain medicine | pain reliever | analgesic
allergy: allergic | intolerance
surgery: surgical | operation | operated | operate
cholecystectomy: gallbladder removed | gallbladder removal | gallbladder surgery | gallbladder taken out
appendectomy: appendix removed | appendix removal | appendix taken out
hysterectomy: uterus removed | removal of uterus | womb removed
tonsillectomy: tonsils removed | tonsils taken out
arthroplasty: replacement | joint replacement
cesarean: caesarean | cesarian | cesarean section | caesarean section | cesarian section | c section | c - section
suture: stitch | sutured
fracture: broken bone | broke | broken | fractured
laceration: cut | lacerated
contusion: bruise | bruised | bruising | ecchymosis
cancer: carcinoma | malignancy | malignant
metastasis: metastatic | metastases
kidney: renal
liver: hepatic
lung: pulmonary
heart: cardiac
mouth: oral
stone: calculus | calculi
nephrolithiasis: kidney stone | renal stone
arthritis: arthritic
rheumatoid arthritis: ra
osteoarthritis: oa
reflux: gerd | heartburn | acid reflux
copd: chronic obstructive pulmonary disease
asthma: asthmatic
uti: urinary tract infection | bladder infection
uri: upper respiratory infection | common cold
therapy: treatment | treat
physical therapy: physiotherapy | pt
radiograph: x ray | x - ray | xray
emergency: er | emergency room | emergency department
followup: follow up | follow - up | recheck | reevaluation | re - evaluation | return visit
bilateral: both | bilaterally
mother: mom | mum | mommy | maternal
father: dad | daddy | paternal
child: kid | children
infant: baby | newborn
die: died | dead | death | dying | passed away | deceased
pregnancy: pregnant
menstruation: menses | menstrual | menstrual period
birth: born | childbirth
improve: better | improving | improvement
worsen: worse | worsening | exacerbate | exacerbation
upper extremity: upper extremities | arm
lower extremity: lower extremities | leg
marry: married | marriage
male: man | gentleman | sir | mister | mr | boy
female: woman | lady | ma'am | madam | miss | ms | mrs | girl
left: left - sided | left sided
right: right - sided | right sided
"""
OPPOSITES = {"male": "sex", "female": "sex", "left": "side", "right": "side"}
"""Concepts of which a statement has one or the other, and what they are values of."""


def _phrases() -> dict[str, list[tuple[tuple[str, ...], str]]]:
    """First stem → (all stems, concept), the longest first."""
    table: dict[str, list[tuple[tuple[str, ...], str]]] = {}
    for line in _CONCEPTS.strip().splitlines():
        concept, _, names = line.partition(": ")
        form = " ".join(map(stem, concept.split()))
        for name in [concept, *names.split(" | ")]:
            stems = tuple(map(stem, name.split()))
            table.setdefault(stems[0], []).append((stems, concept if concept in OPPOSITES else form))
    for entries in table.values():
        entries.sort(key=lambda entry: -len(entry[0]))
    return table


_PHRASES = _phrases()


def concept(stems: Sequence[str], i: int) -> tuple[str, int] | None:
    """(concept, how many words) that starts at place i; None where the table has none."""
    for phrase, form in _PHRASES.get(stems[i], ()):
        if len(phrase) == 1 or tuple(stems[i : i + len(phrase)]) == phrase:
            return form, len(phrase)
    return None
