"""What the invented visit notes speak of besides conditions: procedures, visit levels, drugs' company, and small talk.

Every phrase is a small grammar: `[a|b]` is a choice, `<3-9>` a number from that range, `{side}` a side of the body and
`{he}`, `{his}`, `{him}` fit the patient; ` | ` separates the entries of a list. Phrases are written out in full;
`wording.py` shortens them for the terse voices. What an entry is, its first character says: `=` a sentence, `+` a
sentence without its subject (the patient), neither a noun phrase that fits after "reports" or "complains of".
"""

# fmt: off
# Procedure → (CPT code, as said when done today, as said when not done today: then it is not coded).
PROCEDURES = {
    "a1c": ("83036", "=A1c here today was <6-6>.<1-9> | =point of care A1c was <6-6>.<2-9> |"
        " =A1c in the office was <6-6>.<0-9> | +had an A1c done here",
        "=outside A1c was <6-6>.<1-9> last month | =A1c is not due yet"),
    "a1chigh": ("83036",
        "=A1c here today was <8-11>.<1-9> | =point of care A1c was <8-11>.<0-9> | =A1c in the office was <9-11>.<0-9>",
        "=A1c from the outside lab was <8-10>.<1-9>"),
    "a1clow": ("83036", "=A1c here today was 6.<0-3> | =point of care A1c was 6.<0-4> | +had an A1c done here",
        "=A1c was 6.<0-3> in the spring | =A1c is not due until fall"),
    "lipids": ("80061", "=fasting lipid panel was drawn | =lipid panel was sent | =lipid panel was drawn today",
        "=lipid panel was done elsewhere in [March|June|May] | =lipids are not due"),
    "tsh": ("84443", "=TSH was drawn today | =TSH was sent | =TSH was checked in our lab",
        "=TSH was normal in [January|April] | =TSH is due in 6 months"),
    "cbc": ("85025", "=CBC with diff was drawn | =CBC with differential was sent",
        "=CBC from the ER was reviewed | =repeat CBC is due next visit"),
    "ecg": ("93000",
        "=ECG was done here | =12-lead ECG in the office was unchanged | =EKG was done today | =office ECG was read",
        "=ECG from the hospital was reviewed | =ECG was deferred | =last ECG was two years ago"),
    "cxr": ("71046", "=two-view chest x-ray was clear | =PA and lateral chest x-ray was clear",
        "=chest x-ray was not needed"),
    "cxrpos": ("71046",
        "=two-view chest x-ray shows {oneside} base infiltrate | =PA and lateral chest x-ray shows infiltrate",
        "=CT at the hospital showed infiltrate | +refused a chest x-ray"),
    "spiro": ("94010", "=spirometry was done | =office spirometry showed FEV1 <62-88>% | +did spirometry today",
        "=spirometry is planned for next visit | =last spirometry was in 2021"),
    "neb": ("94640", "=albuterol neb was given here | =neb in the office helped | +had a nebulizer treatment here",
        "+used {his} neb at home this morning"),
    "urine": ("81003", "=automated urinalysis was positive for nitrite | =automated dip showed leukocytes |"
        " =automated UA was positive", "+could not leave a urine sample | =urine was sent by the ER"),
    "urineneg": ("81003", "=automated urinalysis was clear | =automated UA was negative",
        "=urine was checked last month"),
    "strep": ("87880",
        "=rapid strep was positive | =rapid strep swab here was positive | =office rapid strep was positive",
        "=strep culture from the ER was positive"),
    "strepneg": ("87880",
        "=rapid strep was negative | =rapid strep swab here was negative | =office rapid strep was negative",
        "+refused a throat swab | =no swab was done"),
    "flu": ("87804", "=rapid flu test was done | =rapid flu swab was run here | =office rapid flu test was done",
        "+did a home flu test | +refused the flu swab"),
    "earwax": ("69210",
        "=wax was removed with a curette | =cerumen was removed with curette and forceps | =cleared with a curette",
        "=removal was put off, ear too sore"),
    "wart": ("17110", "=frozen with liquid nitrogen | =cryotherapy was done | =treated with liquid nitrogen, 2 cycles",
        "+declined freezing | +uses salicylic acid at home"),
    "joint": ("20610", "=steroid was injected into the {side} knee today | =the {side} knee was injected with steroid",
        "=an injection last year helped | +declined an injection"),
    "stitches": ("12001",
        "=closed with <2-5> simple sutures | =repaired with <3-5> nylon stitches | =simple repair, <2-4> sutures",
        "=steri-strips only, no sutures"),
    "ketorolac": ("96372", "=ketorolac was given IM in the office | +got a ketorolac shot IM here",
        "+declined a ketorolac shot"),
    "b12shot": ("96372",
        "=B12 shot was given IM today | =IM B12 injection was given by the nurse | =B12 was injected here",
        "+gives {him}self B12 shots at home"),
    "ankle": ("73610", "=ankle x-ray, 3 views, showed no fracture | =three-view ankle film was negative",
        "=no x-ray by the Ottawa rules | =ankle film at urgent care was negative"),
    "phq9": ("96127", "=PHQ-9 today was <4-17> | =PHQ-9 was scored here, <5-18> | +filled out a PHQ-9, score <3-16>",
        "=PHQ-9 is due next time"),
    "gad7": ("96127", "=GAD-7 today was <4-15> | =GAD-7 was scored here, <5-16> | +filled out a GAD-7, score <3-15>",
        "=GAD-7 is due next time"),
    "quit": ("99406", "=<4-9> minutes of quit counseling | =smoking cessation counseling, <4-9> minutes |"
        " =counseled on quitting for <4-8> minutes", "+declined counseling | =quit line number was given"),
    "flushot": ("90686",
        "=given in the {oneside} deltoid | =quadrivalent, {oneside} deltoid IM | =shot given in the {oneside} arm", ""),
}
VACCINE_ADMINISTRATION = "90471"

# Visit code → (complexity, level, minutes, new patient).
VISITS = {
    "99212": ("straightforward", 2, (10, 12, 14, 15, 18), False),
    "99213": ("low", 3, (20, 20, 22, 24, 25, 25, 28), False),
    "99214": ("moderate", 4, (30, 30, 32, 34, 35, 35, 38), False),
    "99203": ("low", 3, (30, 32, 35, 40), True),
    "99204": ("moderate", 4, (45, 45, 48, 50, 55), True),
}
CHECKUPS = ((39, "99395"), (64, "99396"), (120, "99397"))  # oldest age, code of an established patient's yearly exam

ANTIBIOTICS = {
    "amoxicillin", "amoxicillin-clavulanate", "azithromycin", "cefdinir", "cephalexin", "ciprofloxacin", "clindamycin",
    "doxycycline", "levofloxacin", "nitrofurantoin", "penicillin V",
}
COURSES = {  # drug → for how many days it may be prescribed
    **dict.fromkeys(ANTIBIOTICS, (5, 7, 10)),
    "oseltamivir": (5,), "valacyclovir": (7,), "acyclovir": (7,), "prednisone": (5,), "prednisolone": (5,),
    "indomethacin": (5, 7),
}
# A note holds at most one drug of each group.
CLASHES = (
    ANTIBIOTICS,
    {"atorvastatin", "pravastatin", "rosuvastatin", "simvastatin"},
    {"glipizide", "insulin glargine", "prednisone"},
    {
        "bupropion", "buspirone", "doxepin", "duloxetine", "escitalopram", "fluoxetine", "rizatriptan", "sertraline",
        "sumatriptan", "trazodone", "venlafaxine",
    },
    {"apixaban", "celecoxib", "ibuprofen", "indomethacin", "meloxicam", "naproxen", "prednisone", "rivaroxaban"},
    {"diltiazem", "metoprolol", "propranolol"},
    {"albuterol", "metoprolol", "propranolol"},
    {"amlodipine", "diltiazem"},
    {"budesonide-formoterol", "metoprolol", "propranolol"},
    {"atorvastatin", "colchicine", "diltiazem", "simvastatin"},
    {"amlodipine", "simvastatin"},
)
ALLERGIES = {  # allergy → the drugs it rules out
    "[penicillin allergy, rash|allergic to penicillin]": {
        "amoxicillin", "amoxicillin-clavulanate", "cefdinir", "cephalexin", "penicillin V",
    },
    "[sulfa allergy|allergic to sulfa]": {"celecoxib", "glipizide", "hydrochlorothiazide", "sumatriptan", "tamsulosin"},
    "[codeine allergy|allergic to codeine]": set(),
    "[NKDA|no drug allergies]": set(),
    "[latex allergy|allergic to latex]": set(),
    "[aspirin allergy, hives|allergic to aspirin]": {"celecoxib", "ibuprofen", "indomethacin", "meloxicam", "naproxen"},
}

SWITCHED = {"E11.42", "E78.5", "F32.9", "F41.1", "G47.00", "I10", "K21.9", "N40.1"}  # whose drugs replace each other
# What a patient with the condition may have stopped taking, and why; under "", what anybody may have.
STOPPED = {
    "I10": "lisinopril because of cough | amlodipine because of swelling | atenolol because of fatigue |"
        " chlorthalidone after a low sodium",
    "E11.9": "pioglitazone because of swelling | glyburide because of lows | metformin because of loose stools",
    "E11.65": "pioglitazone because of swelling | glyburide because of lows | liraglutide because of cost",
    "E78.5": "simvastatin because of muscle aches | niacin because of flushing | atorvastatin because of leg cramps",
    "F41.1": "paroxetine because of sleepiness | lorazepam last spring | citalopram, no benefit",
    "F32.9": "paroxetine because of sleepiness | citalopram, no benefit | mirtazapine because of sleepiness",
    "K21.9": "ranitidine after the recall | esomeprazole because of cost",
    "I48.91": "warfarin last year | digoxin last year",
    "G47.00": "diphenhydramine because of grogginess | temazepam years ago",
    "J45.909": "zafirlukast years ago",
    "G43.909": "amitriptyline because of dry mouth | valproate because of hair loss",
    "J44.9": "theophylline because of tremor",
    "E11.42": "amitriptyline because of dry mouth | topical capsaicin, no benefit",
    "N40.1": "terazosin because of dizziness",
    "M17.11/M17.12/M17.0": "tramadol because of nausea | glucosamine, no benefit",
    "F17.210": "nicotine gum because of jaw pain",
    "": "daily aspirin last year | fish oil | prednisone in [May|August] | tramadol after {his} surgery | ginkgo |"
        " biotin | turmeric",
}

# Facts around a visit that no record holds.
FAMILY = (
    "type 2 diabetes | Parkinson disease | hypertension | gout | a stroke at <52-78> | colon cancer at <48-70> |"
    " an MI at <44-68> | asthma | migraines | atrial fibrillation | hypothyroidism | lupus | glaucoma | depression |"
    " COPD | rheumatoid arthritis"
)
PAST = (
    "appendectomy in <1984-2015> | gallbladder surgery in <1996-2019> | shingles in <2008-2017>, resolved |"
    " knee scope in <2004-2018> | pneumonia in <2010-2019>, resolved | hernia repair in <2001-2018> |"
    " a wrist fracture as a child | a concussion in <2005-2017> | childhood asthma, outgrown |"
    " a kidney stone in <2002-2019>"
)
OLDER = (
    "+retired from [teaching|welding|the post office|nursing] | +lives alone with two cats |"
    " +lives with {his} [daughter|son] | +never smoked | +has wine with dinner |"
    " +came with {his} [daughter|son|spouse] | +cares for {his} grandson | +plays bridge |"
    " +moved here from [Iowa|Texas|Maine] | +uses a pill box"
)
WORKING = (
    "+works nights at [a bakery|a warehouse|the mill] | +drives a [school bus|truck|forklift] | +has two small kids |"
    " +sits 8 hours a day at work | +never smoked | +drinks rarely | +is training for a 10K |"
    " +is just back from [Ohio|Mexico|Portugal] | =stress at work | +moved here from [Iowa|Texas|Maine] |"
    " +started a new job | +coaches softball"
)
TEEN = (
    "+came with [mom|dad] | =immunizations are up to date | +missed school [today|for 2 days] |"
    " +plays [soccer|hockey|the trumpet] | +is a junior lifeguard | =form for camp was filled out"
)
CHILD = (
    "+was brought in by [mom|dad|grandma] | =immunizations are up to date | +eats and drinks fine |"
    " =a sibling has a cold | +missed school [today|for 2 days] | =no pets at home | +drinks less than usual |"
    " +plays [soccer|hockey] | =mom asked about school"
)
ASKED = (
    "+asked about CBD oil | +does not want more pills | =work forms were filled out |"
    " +declined referral to [PT|a dietitian] | =eye exam is scheduled | +asked about a tetanus shot, up to date |"
    " +declined a flu shot | +asked about semaglutide, not started"
)
ASKED_OLDER = (
    "=colonoscopy is due in <2024-2027> | +declined the shingles vaccine | =hearing test is scheduled |"
    " =eye exam was in <2021-2022>"
)
VITALS = (
    "=afebrile | =weight is <128-214> lb | =BP is <108-128>/<62-80> | =pulse is <62-88> |"
    " =sat is <97-99>% on room air | =no distress | =BMI is <21-34>"
)
PLAN = (
    "recheck in <2-6> weeks | return in <3-6> months | return as needed | call if [worse|no better in a week] |"
    " follow-up in <2-4> weeks | labs before next visit | see me in <2-3> months | return precautions given |"
    " handout given"
)
PLAN_ACUTE = (
    "[rest|take it easy] | call if [worse|no better in a week|fever] | return as needed | return precautions given |"
    " recheck in <3-9> days"
)
# Two facts that share one of these subjects may contradict each other: the second is left out.
SUBJECTS = (
    "fever|feb", "smok|tobacco|cigarette|nicotine|quit", "weight|BMI|lb", r"\bBPs? |readings", "sat |oxygen",
    "pulse|rate is", "asthma", "alcohol|beer|wine|drinks", "pneumonia", "shingles", "walk|limp|10K|exercis|gym",
    "flu shot|flu vacc", "semaglutide", "hearing", "kidney", "knee", "sleep|night", "school", "work", "retire",
    "numb|tingl|monofil", "sugar|lows", "LDL", "mood|low most", "energy|tired|winded", "level", "wheez", "sick|sibling",
    "recheck|return|follow|call|see me",
)

# Frequency as recorded → (as typed, as said).
FREQUENCIES = {
    "daily": ("[daily|qd|QD|q day|once daily|every day]", "[once a day|daily|every day|once daily]"),
    "BID": ("[BID|bid|b.i.d.|twice daily|2x/day]", "[twice a day|two times a day|twice daily]"),
    "TID": ("[TID|tid|t.i.d.|3x/day|3 times daily]", "[three times a day|3 times a day|three times daily]"),
    "QID": ("[QID|qid|4x/day]", "[four times a day|4 times daily]"),
    "QHS": ("[qhs|QHS|at bedtime|nightly|q HS]", "[at bedtime|every night|at night|nightly]"),
    "QAM": ("[qAM|q am|every AM|each morning]", "[every morning|in the morning|each morning]"),
    "Q6H": ("[q6h|q 6 hrs|q6 hours]", "[every six hours|every 6 hours]"),
    "Q4H PRN": ("[q4h prn|q 4 hrs prn|q4h PRN]", "[every four hours as needed|every 4 hours if needed]"),
    "Q6H PRN": ("[q6h prn|q 6 hrs prn|q6h PRN]", "[every six hours as needed|every 6 hours if needed]"),
    "TID PRN": ("[TID prn|tid prn|3x/day prn]", "[up to three times a day as needed|three times a day as needed]"),
    "PRN": ("[prn|PRN|prn onset]", "[as needed|as needed at onset]"),
    "weekly": ("[weekly|q week|once weekly]", "[once a week|every week|weekly]"),
    "monthly": ("[monthly|q month|q mo]", "[once a month|every month|monthly]"),
    "5x/day": ("[5x/day|5 times daily]", "[five times a day]"),
}

ABBREVIATIONS = {  # as written out (a regular expression) → as typed in haste
    "without": "w/o", "with": "w/", "history of": "[hx|h/o]", "follow-up": "f/u", "because of": "[d/t|2/2]",
    "for (?=[0-9])": "x", "right": "[R|rt]", "left": "[L|lt]", "shortness of breath": "SOB",
    "bilateral": "[bilat|b/l|bilat]", "weeks": "[wks|wk]", "days": "[d|days]", "months": "mo", "years": "yrs",
    "symptoms": "sx", "negative": "neg", "positive": "pos", "minutes": "min", "and": "[&|+|and]", "hours": "hrs",
    "tenderness": "TTP", "chest pain": "[CP|chest pain]", "times a week": "x/wk", "return": "RTC", "as needed": "prn",
    "on room air": "RA", "weight": "wt", "sugars": "[FSBG|sugars]", "normal": "[nl|wnl|normal]",
    "penicillin(?! V)": "PCN", "headaches?": "HA", "chest x-ray": "CXR", "x-ray": "XR", "immunizations": "imms",
    "appendectomy": "appy", "bedtime": "HS", "type 2 diabetes": "[T2DM|DM2]", "hypertension": "HTN",
    "atrial fibrillation": "[afib|AF]", "hypothyroidism": "hypothyroid", "pulse": "[HR|P]", "laceration": "lac",
    "temperature": "T", "range of motion": "ROM", "before": "b/f", "every": "q",
}
SMALL_WORDS = "is|are|was|were|the|a|an|his|her|has"  # what haste leaves out
