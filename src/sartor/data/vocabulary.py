"""The English words of numbers, units and months, and what each stands for."""

_UNDER_TWENTY = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
nineteen
"""
_PLACES = """
first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth
sixteenth seventeenth eighteenth nineteenth
"""
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
ONES = {word: value for value, word in enumerate(_UNDER_TWENTY.split())}
TENS = {word: 10 * value for value, word in enumerate(_TENS.split(), start=2)}
ORDINALS = {word: value for value, word in enumerate(_PLACES.split(), start=1)} | {
    f"{word[:-1]}ieth": value for word, value in TENS.items()
}

_SPELLINGS = """
mg mgs milligram milligrams
g gm gms gram grams
mcg µg μg ug microgram micrograms
kg kgs kilogram kilograms kilo kilos
lb lbs pound pounds #
oz ounce ounces
ml milliliter milliliters millilitre millilitres cc ccs
l liter liters litre litres
dl deciliter
teaspoon teaspoons tsp
tablespoon tablespoons tbsp
unit units iu
meq milliequivalents
mmol millimoles
mmhg
% percent
bpm
mm millimeter millimeters millimetre millimetres
cm centimeter centimeters centimetre centimetres
m meter meters metre metres
km kilometer kilometers kilometre kilometres
inch inches
foot feet ft
mile miles
degree degrees °
second seconds sec secs
minute minutes min mins
hour hours hr hrs h
day days
week weeks wk wks
month months
year years yr yrs
tablet tablets tab tabs pill pills
capsule capsules cap caps
puff puffs
drop drops gtt gtts
pack packs
$ dollar dollars usd
€ euro euros eur
£ gbp
"""
UNITS = {word: line.split()[0] for line in _SPELLINGS.split("\n") for word in line.split()}
"""Every spelling of a unit, and its name."""

_NAMES = """
january jan, february feb, march mar, april apr, may, june jun, july jul, august aug, september sept sep, october oct,
november nov, december dec
"""
MONTHS = {word: month for month, names in enumerate(_NAMES.split(","), start=1) for word in names.split()}
"""Every spelling of a month, and its number."""
