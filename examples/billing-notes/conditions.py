"""The conditions that bring the invented patients in: their codes, their wordings, and what is done about them.

Phrases are written in the small grammar that `vocabulary.py` describes.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Condition:
    """One diagnosis, as coded and as spoken of.

    `code` is one ICD-10-CM code, or `right/left` or `right/left/both` where it depends on the side; `both` is then the
    wording for both sides. `rx` lists `drug dose[,dose…] unit frequency[,frequency…]`, `procs` has `procedure:chance`.
    A visit has at most one condition of a `family`.
    """

    code: str
    short: str
    long: str
    says: str
    denies: str
    exam: str = ""
    rx: str = ""
    kid_rx: str = ""
    procs: str = ""
    kind: str = "acute"  # acute | chronic | procedure | vaccine | checkup
    ages: tuple[int, int] = (18, 88)
    sex: str = ""
    family: str = ""
    both: str = ""
    months: tuple[int, ...] = tuple(range(1, 13))
    medicated: float = 0.8
    lasts: str = "<2-6> days"


def codes_by_side(condition: Condition) -> dict[str, str]:
    """The condition's code for each side; under "" where it has one code for all."""
    codes = condition.code.split("/")
    return {"": codes[0]} if len(codes) == 1 else dict(zip(("right", "left", "both"), codes, strict=False))


def parse_rx(entry: str) -> tuple[str, list[str], str, list[str]]:
    """One entry of `rx` → drug, amounts, unit, frequencies."""
    match = re.fullmatch(r"(.+?) ([\d.,]+) (\S+) (.+)", entry.strip())
    assert match, entry
    return match[1], match[2].split(","), match[3], match[4].split(",")


# fmt: off
C = Condition
# The most frequent first: how often a condition occurs falls with its place in this list.
CONDITIONS = (
    C("I10", "[HTN|HTN|high blood pressure]", "[hypertension|high blood pressure|essential hypertension]",
      "=BP is <116-136>/<68-84> [here|in the office] | =home BPs are [mostly|around] <118-134>/<70-82> |"
      " =readings are better than last visit | =BP is <142-164>/<84-96>, above goal | +takes it every day |"
      " +cut back on salt", "chest pain | headaches | dizziness | leg swelling | palpitations",
      exam="=heart is regular, no murmur | =no edema", rx="lisinopril 5,10,20,40 mg daily | losartan 25,50,100 mg"
      " daily | amlodipine 2.5,5,10 mg daily | hydrochlorothiazide 12.5,25 mg daily", procs="ecg:.12", kind="chronic",
      ages=(35, 88)),
    C("E11.9", "[T2DM|DM2|type 2 DM|T2DM]", "[type 2 diabetes|type II diabetes|type 2 diabetes mellitus]",
      "=home sugars are <98-112> to <128-145> | =fasting sugars are around <102-126> | +watches {his} carbs |"
      " =no lows | =diabetes is at goal | +walks 30 minutes most days | =sugars are well controlled",
      "polyuria | numbness in the feet | blurry vision | low sugars",
      exam="=foot exam is normal | =monofilament is intact", rx="metformin 500,850,1000 mg BID | empagliflozin 10,25"
      " mg daily | glipizide 5,10 mg daily,BID | insulin glargine 12,18,24,30 units QHS | sitagliptin 50,100 mg daily",
      procs="a1c:.5 lipids:.08", kind="chronic", ages=(35, 85), family="diabetes"),
    C("E78.5", "[HLD|hyperlipidemia|dyslipidemia]", "[hyperlipidemia|dyslipidemia|hyperlipidemia]",
      "=LDL was <68-99> on the last check | =LDL was still <118-156> | +eats less fried food |"
      " =no trouble with the statin | +is cutting back on [butter|red meat|cheese]",
      "muscle aches | chest pain | dark urine", rx="atorvastatin 10,20,40,80 mg daily,QHS |"
      " rosuvastatin 5,10,20 mg daily | pravastatin 20,40 mg QHS | simvastatin 20,40 mg QHS", procs="lipids:.45",
      kind="chronic", ages=(38, 86)),
    C("J06.9", "[URI|viral URI|URI]", "[upper respiratory infection|viral upper respiratory infection]",
      "runny nose | congestion | dry cough | scratchy throat | sneezing | +sounds stuffy | =the whole house is sick",
      "fever | shortness of breath | ear pain | chest pain",
      exam="=lungs are clear | =throat is mildly red | =TMs are normal",
      rx="benzonatate 100,200 mg TID PRN | guaifenesin 400,600 mg BID | acetaminophen 500,650 mg Q6H PRN",
      kid_rx="acetaminophen 160,240 mg Q6H PRN | ibuprofen 100,150,200 mg Q6H PRN", procs="flu:.12 strepneg:.1",
      ages=(3, 80), family="airway", medicated=0.6),
    C("M54.50", "[LBP|low back pain|LBP]", "[low back pain|lower back pain]", "stiffness in the morning | a dull ache"
      " across the low back | pain with bending | +was [lifting boxes|moving furniture|shoveling|doing yard work] |"
      " +cannot sit long", "leg weakness | numbness | bladder trouble",
      exam="=straight leg raise is negative | =paraspinal muscles are tender | =gait is normal",
      rx="naproxen 500 mg BID | cyclobenzaprine 5,10 mg QHS | ibuprofen 600,800 mg TID | meloxicam 7.5,15 mg daily",
      procs="ketorolac:.1", ages=(20, 82), lasts="<2-5> weeks"),
    C("F41.1", "[GAD|generalized anxiety|GAD]", "[generalized anxiety disorder|generalized anxiety]",
      "=worry is [better|easing|down] | +is still tense at work | +sleeps <5-7> hours |"
      " +worries less about [money|the kids] | +is using the breathing exercises",
      "suicidal thoughts | chest pain | panic attacks", exam="=mood is calm", rx="sertraline 25,50,100 mg daily |"
      " escitalopram 5,10,20 mg daily | buspirone 5,7.5,10,15 mg BID | hydroxyzine 10,25 mg TID PRN", procs="gad7:.3",
      kind="chronic", ages=(18, 75)),
    C("K21.9", "[GERD|reflux|GERD]", "[acid reflux|gastroesophageal reflux|reflux disease]",
      "heartburn [after dinner|most nights|when lying flat] | =burning is [much better|half what it was] |"
      " +avoids coffee and late meals | a sour taste in the morning",
      "trouble swallowing | black stools | weight loss | vomiting", exam="=abdomen is soft | =no epigastric tenderness",
      rx="omeprazole 20,40 mg daily,QAM | famotidine 20,40 mg BID,QHS | pantoprazole 40 mg daily", kind="chronic",
      ages=(20, 84)),
    C("Z00.00", "[annual physical|yearly exam|CPE]", "[annual physical|yearly physical exam|routine adult checkup]",
      "=no complaints | +feels well | =no concerns today | +exercises <2-5> times a week | +eats well",
      "chest pain | weight loss | falls | low mood", exam="=exam is normal | =heart and lungs are normal",
      procs="lipids:.4 cbc:.12 ecg:.05", kind="checkup", ages=(19, 84)),
    C("E03.9", "[hypothyroidism|hypothyroid|low thyroid]", "[hypothyroidism|underactive thyroid]",
      "=energy is [better|back to normal] | +is still [tired|cold] | +takes it on an empty stomach | =hair is less dry",
      "palpitations | constipation | tremor", exam="=thyroid is not enlarged | =no nodules felt",
      rx="levothyroxine 25,50,75,88,100,112,125 mcg daily,QAM", procs="tsh:.55", kind="chronic", ages=(22, 85),
      medicated=0.95),
    C("J45.909", "[asthma|asthma, no flare]", "[asthma|uncomplicated asthma|asthma without a flare]",
      "+uses the rescue inhaler [once|twice] a week | =no night symptoms | +runs without trouble |"
      " =asthma is controlled", "wheezing at night | ER visits | chest tightness", exam="=lungs are clear | =no wheeze",
      rx="albuterol 2 puffs Q4H PRN,Q6H PRN | budesonide-formoterol 2 puffs BID | montelukast 10 mg QHS",
      kid_rx="albuterol 2 puffs Q4H PRN,Q6H PRN | montelukast 5 mg QHS", procs="spiro:.4", kind="chronic", ages=(6, 70),
      family="lungs"),
    C("F32.9", "[MDD|major depression|MDD]", "[major depressive disorder|major depression]",
      "=mood is [improving|lifting|better] | +is still low most mornings | +sees friends again |"
      " +enjoys the garden again | +goes to therapy weekly", "suicidal thoughts | hopelessness | hallucinations",
      exam="=affect is [brighter|flat]", rx="sertraline 50,100,150 mg daily | fluoxetine 10,20,40 mg daily,QAM |"
      " bupropion 150,300 mg QAM | escitalopram 10,20 mg daily | venlafaxine 37.5,75,150 mg daily", procs="phq9:.4",
      kind="chronic", ages=(18, 78)),
    C("N39.0", "[UTI|UTI|urinary tract infection]", "[urinary tract infection|urinary infection]",
      "burning with urination | urgency | urinary frequency | cloudy urine",
      "flank pain | fever | discharge | vomiting", exam="=no CVA tenderness | =suprapubic area is tender",
      rx="nitrofurantoin 100 mg BID | cephalexin 500 mg BID,Q6H | ciprofloxacin 250,500 mg BID", procs="urine:.7",
      ages=(18, 84), sex="F", medicated=0.95),
    C("J02.0", "[strep throat|strep pharyngitis|strep]", "[strep throat|streptococcal pharyngitis]",
      "sore throat | fever | painful swallowing | swollen glands", "cough | rash | runny nose",
      exam="=tonsils are red with exudate | =neck nodes are tender",
      rx="amoxicillin 500 mg BID | penicillin V 500 mg BID,TID | cephalexin 500 mg BID",
      kid_rx="amoxicillin 250,400,500 mg BID | penicillin V 250 mg BID,TID", procs="strep:.75", ages=(4, 45),
      family="throat", medicated=0.95),
    C("M17.11/M17.12/M17.0", "[{side} knee OA|OA {side} knee|{side} knee DJD]",
      "[osteoarthritis of the {side} knee|{side} knee osteoarthritis|degenerative joint disease of the {side} knee]",
      "pain on stairs | stiffness after sitting | swelling after long walks | +struggles to get out of a chair |"
      " =the brace helps a little", "locking | fever | recent falls",
      exam="=crepitus, no effusion | =flexion is <105-120> degrees", rx="meloxicam 7.5,15 mg daily | naproxen 250,500"
      " mg BID | acetaminophen 500,650,1000 mg TID | celecoxib 100,200 mg daily", procs="joint:.4", kind="chronic",
      ages=(48, 86), both="bilateral knee [OA|osteoarthritis]", medicated=0.65),
    C("J01.90", "[acute sinusitis|sinusitis, acute]", "[acute sinusitis|acute sinus infection|acute rhinosinusitis]",
      "facial pressure | thick nasal drainage | tooth pain | congestion",
      "vision changes | stiff neck | shortness of breath",
      exam="=maxillary sinuses are tender | =turbinates are swollen",
      rx="amoxicillin-clavulanate 875 mg BID | doxycycline 100 mg BID | cefdinir 300 mg BID", ages=(17, 74),
      family="airway", lasts="<8-14> days"),
    C("H66.91/H66.92/H66.93", "[{side} AOM|{side} otitis media|AOM {side}]",
      "[acute otitis media of the {side} ear|{side} otitis media|acute middle ear infection on the {side}]",
      "ear pain | fever | poor sleep | muffled hearing", "drainage | vomiting | stiff neck",
      exam="=TM is red and bulging | =TM is dull", rx="amoxicillin 500,875 mg BID | cefdinir 300 mg BID",
      kid_rx="amoxicillin 250,400,600 mg BID | cefdinir 125 mg BID | ibuprofen 100,150 mg Q6H PRN", ages=(2, 40),
      both="bilateral [AOM|otitis media]", medicated=0.9),
    C("J30.2", "[SAR|seasonal allergies|seasonal AR]", "[seasonal allergies|seasonal allergic rhinitis]",
      "itchy eyes | sneezing | runny nose | +is worse outdoors", "wheezing | fever | facial pain",
      exam="=turbinates are pale and boggy", rx="cetirizine 10 mg daily,QHS | loratadine 10 mg daily |"
      " fluticasone 1,2 sprays daily | fexofenadine 180 mg daily | azelastine 1,2 sprays BID",
      kid_rx="cetirizine 5 mg daily | loratadine 5 mg daily | fluticasone 1 sprays daily", ages=(6, 70),
      months=(3, 4, 5, 6, 8, 9), lasts="<2-5> weeks"),
    C("J20.9", "[acute bronchitis|bronchitis, acute]", "[acute bronchitis|acute bronchitis]",
      "productive cough | chest congestion | wheezy cough | =the cough keeps {him} up",
      "fever | coughing blood | leg swelling", exam="=scattered rhonchi | =no crackles",
      rx="benzonatate 100,200 mg TID | albuterol 2 puffs Q4H PRN,Q6H PRN | guaifenesin 600,1200 mg BID", procs="cxr:.3",
      ages=(18, 80), family="airway"),
    C("I48.91", "[AF|afib|a-fib]", "[atrial fibrillation|atrial fibrillation|A-fib]",
      "=rate is controlled | +notes a flutter some nights | =stamina is unchanged | +walks the dog daily",
      "syncope | bleeding | chest pain | shortness of breath", exam="=pulse is irregular at <64-90>",
      rx="apixaban 2.5,5 mg BID | metoprolol 25,50,100 mg daily,BID | diltiazem 120,180,240 mg daily |"
      " rivaroxaban 15,20 mg daily", procs="ecg:.55", kind="chronic", ages=(56, 88), medicated=0.9),
    C("Z23", "[flu shot|flu vaccine|influenza vaccine]", "[a flu shot|the flu vaccine|the yearly influenza vaccine]",
      "+feels well | =no egg allergy | +had no trouble with it last year", "fever | vaccine reactions",
      procs="flushot:1", kind="vaccine", months=(9, 10, 11, 12)),
    C("E11.65", "[T2DM w/ hyperglycemia|DM2 with hyperglycemia|T2DM, hyperglycemia]",
      "[type 2 diabetes with hyperglycemia|poorly controlled type 2 diabetes with hyperglycemia]",
      "=home sugars are <210-290> | =fasting sugars are <188-240> | +misses doses | +drinks soda again |"
      " +is thirsty all day", "vomiting | vision loss | chest pain | foot ulcers", exam="=mucosa is moist",
      rx="metformin 1000 mg BID | glipizide 10 mg BID | insulin glargine 16,20,28,36 units QHS |"
      " empagliflozin 10,25 mg daily | semaglutide 0.25,0.5,1 mg weekly", procs="a1chigh:.6", kind="chronic",
      ages=(35, 80), family="diabetes", medicated=0.95),
    C("G43.909", "[migraine|migraines|migraine HA]", "[migraine|migraines|migraine headaches]",
      "=<2-6> attacks a month | a throbbing one-sided headache | =light bothers {him} | +missed a day of work",
      "weakness | vision loss | fever", exam="=neuro exam is normal | =cranial nerves are intact",
      rx="sumatriptan 50,100 mg PRN | topiramate 25,50,100 mg BID,QHS | propranolol 40,80 mg BID |"
      " rizatriptan 10 mg PRN", procs="ketorolac:.15", kind="chronic", ages=(18, 62)),
    C("J44.9", "[COPD|COPD, stable]", "[COPD|chronic obstructive pulmonary disease]",
      "+walks <2-4> blocks before resting | =morning phlegm is as usual | =breathing is stable | +uses oxygen at night",
      "fever | more sputum than usual | chest pain", exam="=breath sounds are distant",
      rx="tiotropium 1,2 puffs daily | albuterol 2 puffs Q4H PRN,Q6H PRN | budesonide-formoterol 2 puffs BID",
      procs="spiro:.4", kind="chronic", ages=(52, 86), family="lungs"),
    C("J45.901", "[asthma exacerbation|asthma flare|acute asthma exac]",
      "[asthma exacerbation|acute exacerbation of asthma]",
      "wheezing | chest tightness | cough at night | +needs the inhaler every few hours",
      "fever | chest pain | leg swelling",
      exam="=diffuse wheeze | +speaks in full sentences | =sat is <92-95>% on room air",
      rx="prednisone 40,50 mg daily | albuterol 2 puffs Q4H PRN",
      kid_rx="prednisolone 20,30 mg daily | albuterol 2 puffs Q4H PRN", procs="neb:.7", ages=(6, 65), family="lungs",
      medicated=0.9),
    C("J02.9", "[pharyngitis|acute pharyngitis|pharyngitis, not strep]", "[acute pharyngitis|pharyngitis]",
      "sore throat | hoarse voice | mild fever | body aches", "rash | trouble breathing | drooling",
      exam="=throat is red, no exudate | =no nodes",
      rx="ibuprofen 400,600 mg Q6H PRN | acetaminophen 500,650 mg Q6H PRN",
      kid_rx="ibuprofen 100,150,200 mg Q6H PRN | acetaminophen 160,240 mg Q6H PRN", procs="strepneg:.7", ages=(4, 60),
      family="throat", medicated=0.5),
    C("G47.00", "[insomnia|insomnia]", "[insomnia|insomnia]", "+sleeps <3-5> hours a night | +is up at 3 most nights |"
      " trouble falling asleep | +reads the phone in bed | =sleep is a bit longer",
      "snoring | low mood | restless legs",
      rx="trazodone 25,50,100 mg QHS | melatonin 3,5 mg QHS | doxepin 3,6 mg QHS | zolpidem 5,10 mg QHS",
      kind="chronic", ages=(22, 84)),
    C("M10.9", "[gout|gout flare|acute gout]", "[gout|acute gout]", "a hot swollen big toe | toe pain at night |"
      " redness over the big toe joint | +had [beer|shrimp|steak] the night before", "fever | injury | chills",
      exam="=first MTP is red and tender | =the joint is warm",
      rx="colchicine 0.6 mg daily,BID | indomethacin 50 mg TID | prednisone 20,30 mg daily", ages=(35, 84)),
    C("H61.21/H61.22/H61.23", "[{side} cerumen impaction|impacted cerumen {side}|{side} impacted ear wax]",
      "[impacted cerumen in the {side} ear|{side} cerumen impaction|impacted ear wax on the {side}]",
      "muffled hearing | fullness in the ear | ringing | a whistling hearing aid", "ear pain | drainage | dizziness",
      exam="=canal is blocked by wax", procs="earwax:.9", kind="procedure", ages=(50, 88),
      both="bilateral [cerumen impaction|impacted cerumen]"),
    C("L03.115/L03.116", "[cellulitis {side} leg|{side} leg cellulitis|cellulitis {side} lower leg]",
      "[cellulitis of the {side} leg|{side} lower leg cellulitis]",
      "spreading redness | a warm tender shin | leg swelling | +had a [scratch|bug bite|scrape] there first",
      "fever | calf cramps | numbness", exam="=erythema is <4-12> cm, no pus | =no abscess",
      rx="cephalexin 500 mg QID,Q6H | doxycycline 100 mg BID | clindamycin 300 mg TID,QID", ages=(20, 86),
      medicated=0.95),
    C("D50.9", "[iron deficiency anemia|IDA|iron def anemia]", "[iron deficiency anemia|iron deficiency anemia]",
      "+is less tired | +craves ice | heavy periods | =hemoglobin was <9-10>.<1-9> last time | +is winded on hills",
      "black stools | chest pain | syncope", exam="=conjunctivae are pale | =no pallor",
      rx="ferrous sulfate 325 mg daily,BID", procs="cbc:.6", kind="chronic", ages=(18, 50), sex="F", medicated=0.9),
    C("S93.401A/S93.402A", "[{side} ankle sprain|sprained {side} ankle|ankle sprain, {side}]",
      "[{side} ankle sprain|sprain of the {side} ankle]", "ankle swelling | ankle pain | bruising over the outside of"
      " the foot | +rolled it [on a curb|playing soccer|on the stairs|at basketball] | +is limping",
      "numbness | knee pain | popping", exam="=ATFL is tender | +bears weight | =no bony tenderness",
      rx="ibuprofen 400,600,800 mg Q6H PRN,TID PRN | naproxen 500 mg BID", kid_rx="ibuprofen 200,400 mg Q6H PRN",
      procs="ankle:.55", ages=(10, 66), medicated=0.5),
    C("F17.210", "[cigarette dependence|nicotine dependence, cigarettes]",
      "[nicotine dependence from cigarettes|cigarette dependence|nicotine dependence, cigarettes]",
      "+smokes <8-30> a day | +is down to <4-7> cigarettes | +wants to quit | +set a quit date | +lights up on waking",
      "coughing blood | weight loss | chest pain",
      rx="varenicline 0.5,1 mg BID | bupropion 150 mg BID | nicotine patch 7,14,21 mg daily", procs="quit:.6",
      kind="chronic", ages=(19, 76), medicated=0.7),
    C("J10.1", "[influenza A|flu A]", "[influenza A|influenza A]", "fever | body aches | chills | dry cough | headache",
      "shortness of breath | chest pain | vomiting", exam="=lungs are clear | +looks tired", rx="oseltamivir 75 mg BID",
      kid_rx="oseltamivir 30,45,60 mg BID", procs="flu:.7", ages=(4, 78), family="airway", months=(1, 2, 3, 11, 12),
      medicated=0.85),
    C("B07.0", "[plantar wart|verruca plantaris]", "[a plantar wart|a plantar wart]",
      "a painful spot under the [heel|forefoot|big toe] | a rough patch on the sole | +limps when barefoot",
      "drainage | numbness", exam="=black dots on paring | =lesion is <4-9> mm", procs="wart:.9", kind="procedure",
      ages=(7, 60), lasts="<3-9> weeks"),
    C("E55.9", "[vit D deficiency|low vit D|vitamin D def]", "[vitamin D deficiency|vitamin D deficiency]",
      "=level was <11-19> | =aches are less | +gets little sun | =level is up to <24-29>",
      "fractures | muscle weakness | kidney stones",
      rx="cholecalciferol 1000,2000,5000 IU daily | ergocalciferol 50000 IU weekly", kind="chronic", ages=(20, 84),
      medicated=0.95),
    C("J18.9", "[pneumonia|CAP|pneumonia]", "[pneumonia|community-acquired pneumonia]",
      "fever | productive cough | chills | pain with deep breaths", "coughing blood | leg swelling | confusion",
      exam="=crackles at the {oneside} base | =sat is <93-96>% on room air",
      rx="doxycycline 100 mg BID | azithromycin 500 mg daily | amoxicillin 1000 mg TID | levofloxacin 750 mg daily",
      procs="cxrpos:.75", ages=(18, 86), family="airway", medicated=0.95),
    C("R73.03", "[prediabetes|pre-diabetes]", "[prediabetes|prediabetes]",
      "+lost <3-9> lb | +is cutting out soda | +walks after supper | +joined a gym",
      "polyuria | thirst | blurry vision", rx="metformin 500 mg daily,BID", procs="a1clow:.6", kind="chronic",
      ages=(28, 76), family="diabetes", medicated=0.4),
    C("E11.42", "[diabetic polyneuropathy|T2DM w/ polyneuropathy|DM2 with polyneuropathy]",
      "[type 2 diabetes with polyneuropathy|diabetic polyneuropathy from type 2 diabetes]",
      "burning feet at night | tingling in both feet | pins and needles to the ankles | +walks as if on cotton",
      "foot ulcers | falls | weakness", exam="=monofilament is reduced | =vibration is reduced at the toes",
      rx="gabapentin 100,300,600 mg TID,QHS | duloxetine 30,60 mg daily | pregabalin 50,75 mg BID", procs="a1c:.3",
      kind="chronic", ages=(45, 84), family="diabetes", medicated=0.9),
    C("N40.1", "[BPH w/ LUTS|BPH with weak stream|BPH w/ nocturia]",
      "[enlarged prostate with lower urinary tract symptoms|BPH with urinary symptoms]",
      "+is up <2-5> times a night | a slow stream | dribbling | =stream is stronger",
      "blood in urine | fever | back pain", exam="=prostate is enlarged, smooth",
      rx="tamsulosin 0.4,0.8 mg daily,QHS | finasteride 5 mg daily", procs="urineneg:.3", kind="chronic", ages=(54, 86),
      sex="M", medicated=0.9),
    C("E53.8", "[B12 deficiency|low B12|B12 def]", "[vitamin B12 deficiency|B12 deficiency]",
      "=energy is improving | =tingling is less | +has been vegan for <4-15> years | =level was <140-190>",
      "falls | memory loss | tongue pain", rx="cyanocobalamin 1000 mcg monthly,weekly,daily", procs="b12shot:.6",
      kind="chronic", ages=(25, 86), medicated=0.9),
    C("B02.9", "[shingles|zoster|herpes zoster]", "[shingles|herpes zoster]",
      "painful blisters on the [flank|chest|back] | a burning one-sided rash | tingling before the rash",
      "eye pain | fever | headache", exam="=vesicles are in one dermatome | =the rash stops at the midline",
      rx="valacyclovir 1000 mg TID | acyclovir 800 mg 5x/day", ages=(32, 86), medicated=0.95),
    C("S61.411A/S61.412A", "[{side} hand laceration|laceration {side} hand|{side} hand lac]",
      "[a laceration of the {side} hand|a {side} hand laceration]",
      "a cut from [broken glass|a kitchen knife|sheet metal|a can lid] | a bleeding hand", "numbness | weak grip",
      exam="=wound is <1-1>.<2-9> cm with clean edges | =tendons are intact | =no foreign body", procs="stitches:.85",
      kind="procedure", ages=(12, 78), lasts="<2-5> hours"),
    C("L20.9", "[atopic dermatitis|atopic derm|atopic dermatitis]", "[atopic dermatitis|atopic dermatitis]",
      "itchy patches behind the knees | a rash in the elbow creases | dry cracked hands | +scratches at night",
      "fever | oozing | mouth sores", exam="=plaques are lichenified | =no infection",
      rx="triamcinolone 0.1 % BID | hydrocortisone 2.5 % BID | tacrolimus 0.1 % BID",
      kid_rx="hydrocortisone 1,2.5 % BID | triamcinolone 0.025 % BID", ages=(3, 50), medicated=0.95,
      lasts="<2-6> weeks"),
)
# fmt: on
DRUGS = sorted({parse_rx(e)[0] for c in CONDITIONS for e in f"{c.rx} | {c.kid_rx}".split(" | ") if e.strip()})
