"""The vocabulary of the support-intents example: what customers of the invented shop Inkwren write about.

Inkwren sells e-paper notebooks (Wren 7, Wren 10, Wren Pro), accessories, and a plan that syncs notes to other devices.
Every sentence was written for this project. In a sentence, `[a|b]` is a choice and `{slot}` is filled once a message.

An intent's `says` are complete formulations, many of them without any word of the label; its `asks` are the plain
request, alone or beside one of them; its `before` and `after` are sentences that may stand around both. Every third
line of each is kept for the held-out file, so that no formulation occurs in both files. (A long file: a word list.)
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Intent:
    """One class: how many messages `messages.csv` has before defects are planted, and what customers write."""

    rows: int
    meaning: str
    confused_with: tuple[str, ...]
    says: tuple[str, ...]
    asks: tuple[str, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.strip().splitlines())


def _intent(rows: int, meaning: str, confused_with: str, *lists: str) -> Intent:
    return Intent(rows, meaning, tuple(confused_with.split()), *map(_lines, lists))


# fmt: off
SLOTS: dict[str, tuple[str, ...]] = {
    "device": ("Wren 7", "Wren 10", "Wren Pro", "Wren 7", "Wren 10", "tablet", "notebook"),
    "part": ("Nib pen", "Folio cover", "Perch dock", "pack of pen tips", "felt sleeve", "screen film", "USB-C cable"),
    "item": (
        "Wren 7", "Wren 10", "Wren Pro", "Wren 10", "tablet", "e-ink notebook", "Nib pen", "Folio cover",
        "Perch dock", "felt sleeve", "pen", "cover", "dock",
    ),
    "plan": ("Plus", "Family", "Studio"),
    "carrier": ("Parcelo", "NordPost", "Quickvan"),
    "who": (
        "my wife", "my husband", "my son", "my daughter", "my mother", "my father", "my sister", "my boss",
        "a colleague", "my flatmate", "my niece", "my granddad",
    ),
    "time": (
        "yesterday", "last week", "two weeks ago", "on Monday", "on Tuesday", "on Friday", "last night",
        "this morning", "three days ago", "a few days ago", "over the weekend", "on the 3rd", "on the 17th",
        "about ten days ago",
    ),
    "weekday": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"),
    "month": ("January", "February", "March", "April", "June", "July", "September", "October", "November"),
    "days": ("4", "5", "six", "7", "8", "nine", "10", "12", "14"),
    "weeks": ("two weeks", "2 weeks", "three weeks", "over two weeks", "almost 3 weeks", "a fortnight", "a month"),
    "country": (
        "Ireland", "Portugal", "Canada", "Norway", "Spain", "Poland", "the Netherlands", "New Zealand", "Austria",
    ),
    "city": ("Leeds", "Porto", "Gdansk", "Toronto", "Bergen", "Cork", "Utrecht", "Graz", "Bristol", "Valencia"),
    "who_noun": ("wife", "husband", "brother", "sister", "son", "daughter", "partner", "uncle", "aunt", "cousin"),
    "who_cap": ("My wife", "My husband", "My brother", "My sister", "A colleague", "My flatmate"),
    "time_soon": ("today", "tomorrow", "next week", "this weekend", "at the end of the month", "on the 1st", "soon"),
    "lately": ("yesterday", "last week", "Monday", "Thursday", "this morning", "the weekend", "the 3rd", "the 17th"),
    "date": ("4 March", "the 9th", "12/05", "May 21st", "03.11.", "22 August", "the 30th", "7 Jan"),
    "os": ("Windows laptop", "Mac", "iPhone", "Android phone", "iPad", "work PC", "Chromebook", "old Samsung phone"),
}
# fmt: on

INTENTS: dict[str, Intent] = {
    "track_order": _intent(
        136,
        "where an order is, or when it will come; no complaint that it is overdue",
        "late_delivery change_address",
        """
        Where is my order {order}? [I've heard nothing since the confirmation.|The shop page tells me nothing.]
        [Can|Could] you tell me where my {item} is [right now|at the moment]?
        The tracking link [just says|only shows] "label created" and [nothing else|has no dates at all].
        Has {order} left the [warehouse|building] yet?
        I'd like to know [when I can expect|which day I should be home for] the {item} I ordered {time}.
        Any news on my parcel? [I need to be home to sign for it.|Someone has to be in to sign.]
        You sent me a {carrier} number but [their site doesn't recognise it|their page claims it doesn't exist].
        [Bought|Paid for] a {device} {time}, what's the status?
        The courier map has my package in [a depot|some hub] two hours away; is it on today's van or not?
        Which courier [did you hand|gets] {order}? I'd like to follow it.
        I got the "on its way" email but [there is no number in it|it has no link in it].
        Is my {item} still on your shelf or already [on the road|with the driver]?
        Just wondering how far along my [package|shipment] is, [no rush|no hurry at all].
        I'm trying to plan my week: will the {item} be here [before|by] {weekday}?
        Status of {order} please.
        The page has said "processing" since {weekday}. Does that mean it's [packed|gone] or what?
        I'm away from {weekday}. Do you know if the [box|parcel] lands before that?
        [My neighbour|Our reception] takes things in for me, so does it say delivered on your side yet?
        How do I follow [a shipment|something I bought] if I checked out as a guest?
        It cleared customs in {country} {time}; where [is it now|has it been since]?
        [Is there|Do you have] an estimated arrival for the {part} from my last basket?
        Two boxes were announced and one is here. Is the other one travelling separately?
        [Could you check|Please check] whether {order} has been dispatched.
        There's a little truck icon in the app that [hasn't moved all day|has been parked since noon]. Is that live?
        I keep refreshing the courier page like a [child before Christmas|maniac]. How close is my {device}?
        Need an ETA on {order}, [a client is waiting for it|we have a workshop on {weekday}].
        Has it shipped?? [You took the money fast enough.|The money left my account {time}.]
        My order history [is empty|shows nothing], though I did get a receipt. Is the {item} really on its way?
        What does "handed to local partner" mean, and [who is the partner|who do I ring about the box]?
        [Can you send me|Please send] the {carrier} number for my {item} again, I deleted the email.
        I'd just like some reassurance that the {device} I paid for exists and is moving towards me.
        Where in the world is it? Last scan was [the airport|a hub in {country}], {time}.
        The present for {who}, [is it on schedule|will it make it] for {weekday}?
        It's been "out for delivery" since [8 am|this morning]. What time do they normally [come|ring]?
        I pre-ordered the {device}. When does my batch [go out|get sent]?
        Do your drivers come on Saturdays? Mine is [somewhere in between|in transit].
        How long does it usually take from "packed" to my door in {country}?
        [Tried|I tried] to look up {number} on your site and get "no results". [What now?|Did I mistype it?]
        Please let me know the whereabouts of my [purchase|consignment] made {time}.
        Can the driver call before arriving? And [roughly when would that be|which part of the day is it]?
        I have three orders with you and lost the overview; which of them have already [gone out|been posted]?
        So did my stuff [ship|go out] or not, I can't tell from the website.
        The {carrier} reference has changed twice. Which one [do I follow|is the right one]?
        Would love to know if the {device} is coming [today|tomorrow], I took the day off.
        It's my first time buying here and I don't see [how I can watch its journey|where the journey is shown].
        Nothing wrong yet, I just want to see where the [van|parcel] is.
        I ordered express {time}. Which day does that [mean|work out to]?
        You said 2-4 working days and [today is day two|we're on day three], has anything moved?
        """,
        """
        Where is my order [right now|at the moment]?
        I'd [like|love] to track my [order|package].
        Can you tell me where my [parcel|package] is?
        What is the [current status|status] of my order?
        When will my [parcel|package|order] [arrive|be delivered]?
        Can you [check|look up] the delivery status for me?
        Could I have the tracking [number|link], please?
        I only want to know [when it will arrive|the expected delivery date].
        Has my order been shipped yet, and where is it now?
        Please [give me an update on|tell me the status of] my delivery.
        How can I [track|follow] the parcel?
        Do you have tracking [information|details] for my order?
        Is my order on its way [yet|already]?
        When is my [package|order] going to arrive?
        I can't find [where to track|the tracking for] my shipment.
        [Any idea|Do you know] where my shipment is?
        How far [has my parcel come|along is my delivery]?
        I'm looking for the tracking number of my [order|shipment].
        I'm curious how far my [order|parcel] has got.
        When [can|should] I expect the delivery?
        Which day will my parcel be delivered?
        My question is just where the package is.
        What date should I expect my order?
        Could you find my shipment and tell me where it is?
        """,
        """
        I ordered the {item} {time}.
        My order number is {number}.
        The confirmation for {order} came through {time}.
        I bought [something|a few things] from you {time}.
        We are expecting a {item}.
        A {part} and a {device} are on the order.
        It's my first parcel from you.
        I've been watching my letterbox.
        Nobody is complaining, I'm simply curious.
        I have to organise someone to be at home.
        I ordered as a guest.
        I paid straight away.
        """,
        """
        The number is {number}.
        I'd rather not miss the courier.
        All I have is the receipt.
        I live [on the fourth floor|at the back of the house], so I don't hear the bell.
        It is under my work account, {number}.
        {carrier} couldn't tell me anything [on the phone|in the chat].
        I'm not at home all day.
        It's a present, hence the curiosity.
        A rough idea would be enough.
        """,
    ),
    "request_refund": _intent(
        118,
        "wants money back for something bought or billed",
        "refund_status return_item cancel_order",
        """
        I'd like [my money back|a full refund] for the {item}, it simply [isn't for me|doesn't suit how I work].
        Please refund {order}. [The pen lag makes it unusable for me.|It is nothing like the video.]
        How do I get reimbursed for [a year|twelve months] of {plan} that I never used?
        Not happy with the {device}. [I want|I'd like] the {amount} returned to my card.
        The cover [fell apart|lost its magnet] after a week. I don't want another one, I want what I paid.
        Your website says [30 days, no questions asked|thirty-day money-back promise]. I'm on day {days} and I'm asking.
        I was put on the annual plan when I only wanted a month. [Give the rest back.|Return the rest please.]
        [Could you please reverse|Would you reverse] the payment of {amount}, my daughter bought it by accident.
        The {device} is too [small|heavy|slow] for sheet music, so I'd prefer to have the {amount} back.
        Since you can't fix my tablet, [I'd rather have the cash|paying me back would be fair].
        Am I entitled to [get something back|a partial refund] for the three weeks that sync was down?
        I tried it for an evening [and it gave me headaches|and my eyes hurt]. I want to undo the purchase.
        [Requesting|I request] a refund on {order}, reason: [changed my mind|found a better one].
        You raised the price a day after I renewed. I'd like you to pay me the difference.
        My trial turned into a paid plan without warning, please put the {amount} back.
        A friend of mine gave me the same tablet for my birthday, can mine be [reimbursed|credited to my card]?
        This thing [freezes|crashes] every ten minutes. Take it and return every cent.
        I don't want store credit, [I want real money|I want it on my bank account], {amount}, for the broken promise.
        We ordered 5 for the office and use 2. Is it possible to be paid back for the [unused|sealed] ones?
        [Would|Do] you refund the shipping fee as well? I paid {fee} for express and it went by donkey.
        The ad promised colour. It's grey. [That's false advertising and I want out, with my money.|Refund me.]
        I paid twice for the same {item} by pressing the button again, please give one of them back.
        My [mother passed away|father died] before she could use her subscription. Can the remaining months be paid out?
        The handwriting recognition doesn't know [Polish|Welsh|Icelandic]; that was why I bought it. Please pay me back.
        I ended my plan on the 2nd and you still took {amount} on the 5th. [I want that sum back.|Please return it.]
        How can I be compensated in money for a {item} that [died|gave up] within a fortnight?
        The promised keyboard support never came. I bought it for that. What's the procedure to recover my {amount}?
        I'm not interested in a replacement or a voucher. [Just the money.|Only the amount that I paid.]
        A lovely gadget, but I can't justify the price, [may I undo this and get paid back|refund possible]?
        The {part} cost {amount} here and half that elsewhere. Can you match it or pay me back?
        I'd like to use my right of withdrawal for {order} and receive the purchase price.
        [My bank says|The bank told me] I should ask you first before I dispute it: please return {amount} for {order}.
        You delivered after my exam, so it's pointless now. I expect the {amount} on my account.
        can i get a refund for the {item}, it doesnt fit my model
        I would be grateful if you could [credit|send] the {amount} back, I ordered the wrong plan at 2 am.
        The seller at the fair told me Plus was included with the tablet. It wasn't. Please make good the {amount}.
        My company won't allow cloud notes, so the [plan|{plan} plan] is useless to me; can I be given back what I paid?
        Paid for next-day, got next-week. The express surcharge of {fee} should come back to me.
        Your update removed the feature I paid for. [That deserves a refund.|I think I deserve my money for that.]
        It's [only {fee}|not a lot of money] but it's a matter of principle, return it.
        What do I have to do so that you pay back the {item}? [There's no button anywhere.|I can't find a form.]
        I changed to another brand before opening yours. Still sealed, still in time, [refund please|money please].
        [Someone|One of the kids] subscribed on my card without asking me. Undo it and put the {amount} back.
        I got billed for four family members and we're two. Can the [excess|extra part] be reimbursed?
        Please treat this as my formal claim for repayment of {amount}.
        The ghosting on the display [ruins|spoils] reading for me. I want to give it up and have my {amount} again.
        I want to be refunded the old-fashioned way, on the card it came from, for {order}.
        Can I still get something for the {plan} months that are left? I won't be using them.
        """,
        """
        I'd like [a refund|a full refund] please.
        I want my money back.
        Can I [get|have] a refund for this?
        Please refund [me|my money|the purchase].
        How do I [request|ask for] a refund?
        I am asking for my money back, [all of it|nothing else].
        Would it be possible to [get my money back|refund me]?
        I'd like to [return it for|ask for] a full refund.
        Please give me a refund for [this|it].
        Could you [refund|reimburse] me?
        I want to request a refund.
        I want you to refund what I paid.
        Am I eligible for a refund?
        What do I have to do to get a refund?
        I'd rather have my money back, please.
        [All I want is|What I'm after is] a refund.
        Let me have my money back.
        I'm writing to ask whether you'd refund [it|the price].
        A refund would be the fair thing.
        I would like you to give my money back.
        Refund it and we're good.
        Will you [refund me|give me my money back]?
        So please pay me back [what I spent|the full price].
        I'd prefer a refund [to anything else|over a voucher].
        """,
        """
        I bought a {item} {time}.
        This is about {order}.
        I've had the {device} for {days} days now.
        I renewed {plan} {time}.
        I paid {amount} for the {item}.
        I've tried to like it, really.
        I've thought it over.
        I don't do this lightly.
        I read your terms first.
        The reviews promised a lot.
        We tried it in the whole family.
        It isn't what I imagined.
        """,
        """
        The order is {number}.
        I still have the box and everything.
        I paid by card {time}.
        It was {amount} altogether.
        I'm well within the thirty days.
        Nothing was used except for [one evening|a day or two].
        I think that's only fair.
        I can send it back if needed.
        The card hasn't changed.
        """,
    ),
    "cancel_subscription": _intent(
        110,
        "wants the plan to end for good, or not to renew",
        "pause_subscription delete_account change_plan",
        """
        [Please cancel|Cancel] my {plan} plan [as of today|with immediate effect].
        I don't want to be billed again next month, how do I [stop this|get out of this]?
        How can I end my subscription? [The button in the app is greyed out.|I can't find it under settings.]
        We've decided not to [continue|carry on] with {plan}. What do you need from us?
        I sold the {device}, so the monthly fee [should end|makes no sense any more].
        Turn off auto-renew for me please, [I can't find the switch|the toggle jumps back].
        Unsubscribe me from {plan}. Not the newsletter, the [paid thing|plan].
        It renews on the [12th|20th|1st] and I would like it not to.
        I thought deleting the app would [end|stop] the membership, evidently not. Please finish it off.
        [My free trial|The trial] ends {weekday} and I don't want it to turn into a paid one.
        I'm moving to [paper|another app], so I won't be needing your cloud any longer.
        Is there a notice period? I intend to leave {plan} at the end of {month}.
        Your new price is too much for me. [I'm out.|That's the end for me.] Stop charging my card from next period.
        Terminate the contract for {plan} and confirm [in writing|by email] that it's done.
        My {who_noun} no longer studies, so the plan we took out for it can go.
        I don't need my money back, only make sure that [it doesn't renew|nothing is taken after this month].
        Every time I try to leave, you offer me three free months. I don't want three free months. Let me [go|leave].
        [Would you be so kind as to|Could you] close my {plan} membership? The account itself can stay.
        I've been paying for something I haven't opened since {month}. Please put an end to it.
        The school now pays for all of us, so my own plan is superfluous. Drop it please.
        I'd like to keep the tablet but get rid of the [monthly payments|recurring bill].
        I want to go back to using it offline without any plan. How do I get off {plan}?
        I can only stop it on the website and the website [sends me to the app|goes in circles]. Stop it for me.
        Do I need to do something so that {plan} [runs out|expires], or does it do so by itself after a year?
        [Kindly discontinue|Please discontinue] my {plan} service after the current period.
        Budget cuts. The five Studio seats [have to go|must be ended] by the end of {month}.
        I signed up for one month only. Why is there a next payment date? There shouldn't be one.
        i want to quit plus, where is the cancel thing
        Retired last week, no more meetings, no more notes, so no more {plan} for me.
        What happens to my notes once I [stop paying|leave {plan}]? And please do stop it, on the 30th.
        I cancelled in the app {time} but the page still says "active until renewed". Make sure it is really over.
        The student offer ran out and the full price isn't worth it to me. End it.
        I got {plan} with the tablet as a gift for six months and I won't be extending it.
        Please take my card out of the loop, I'm not going to [continue|go on] after this period.
        I want to break up with you. It's not me, it's the price. How do I end {plan}?
        Nobody in the family uses it apart from the dog. [Do away with|Get rid of] the family plan please.
        I wrote {time} that I wish to resign from {plan}. Nobody confirmed. Has my notice been received?
        It is not a break that I want, it is the end. Please close {plan}.
        My free account was enough all along. Can you take me off the paid one [for good|permanently]?
        I've found something [cheaper|that fits me better] and will not renew.
        Please make this the last month you collect [{fee}|the fee] from me.
        I have two subscriptions by mistake, on two accounts. Kill the one that renews on the [4th|11th].
        Do not extend. [Do not offer me a discount.|No retention offers please.] Just let it lapse.
        Our team is switching tools in {month}; we'd like to give notice for all Studio licences.
        I only use the pen and the paper feel, none of the online stuff, so I'm stopping {plan}.
        Where do I hand in my notice? [I mean for {plan}.|For the {plan} plan, that is.]
        Good product but I have had enough of subscriptions in general, please remove me from yours.
        The plan was for my thesis and the thesis is [handed in|done]. How do I stop it renewing?
        """,
        """
        I [want|would like] to cancel my subscription.
        Please cancel my subscription [today|before it renews].
        How do I cancel [the subscription|my {plan} subscription]?
        Could you cancel my {plan} plan [for me|please]?
        I don't want my subscription to renew.
        I'd like to end my subscription [at the end of the month|after this period].
        Please [stop|end] my {plan} subscription for good.
        Please turn off the automatic renewal [of my plan|of my subscription].
        I've decided to cancel my {plan} plan.
        So: cancel the subscription, please.
        How can I end my membership?
        Where can I cancel my plan?
        I no longer want to pay for the subscription.
        Please cancel the automatic renewal of my subscription.
        I wish to terminate my subscription.
        [My subscription should|I'd like my subscription to] stop here.
        Take this as my cancellation of the subscription.
        I'm asking you to cancel my {plan} subscription.
        What do I do to cancel my subscription?
        No renewal for me, please cancel.
        Cancel the renewal, I don't want another [year|month].
        I'm done with the subscription.
        I'm cancelling my subscription [with this mail|hereby].
        Please make sure that my plan is cancelled.
        """,
        """
        I've been on {plan} since {month}.
        My renewal is coming up on the [9th|15th|28th].
        I took out {plan} with my {device}.
        I pay {fee} a month at the moment.
        We have had {plan} for [a year|two years].
        I just saw the reminder about the next payment.
        I've made up my mind.
        It's nothing personal.
        We're cutting down on monthly costs.
        I hardly open the app any more.
        The offer was nice while it lasted.
        I did the sums at the weekend.
        """,
        """
        Please confirm the end date.
        I don't want to talk about offers.
        The tablet itself stays with me.
        The next payment would be on the [3rd|14th|22nd].
        I've already exported my notes.
        I couldn't do it in the app.
        I've nothing against you.
        I won't change my mind.
        I only want it to be over.
        """,
    ),
    "late_delivery": _intent(
        100,
        "an order is overdue: the promised day has passed",
        "track_order missing_item complaint",
        """
        My {item} was [due|supposed to come] on {weekday} and it still [isn't here|hasn't arrived].
        You promised two days. It's been {days}.
        {order} is now {weeks} overdue, [what is going on|what's the hold-up]?
        I paid [{fee}|extra] for express and here I am, day {days}, without a parcel.
        The birthday was {time}. The {item} is [still not here|nowhere to be seen].
        "Arriving by {weekday}" it said. [Which {weekday}, exactly?|That {weekday} has come and gone.]
        Why does it take so long? Other shops [get it done|deliver] in three days and I'm at {days}.
        I've been waiting for [{weeks}|ages], and the estimated date [keeps sliding|moves back every morning].
        Should I be worried? The delivery window [closed|ended] {time}.
        It was guaranteed before the [holiday|long weekend]. The holiday is over.
        The email says "slight delay". {weeks} is not [slight|a slight delay].
        The tracking is fine, thank you, I can see it standing still. It should have been here {time}.
        I stayed home on {weekday} for nothing. Nobody [came|rang] and no new date was given.
        Still nothing. The order is from {month}!
        [My order|The box] hasn't turned up and the latest date you gave me has passed.
        I gave up a day's work waiting for {carrier} and they never showed. When will they [really|actually] come?
        According to your own email I should be writing on it by now. I am not. What's the delay?
        The term started {time} and my {device}, ordered in {month}, [hasn't come|isn't here].
        It is past the date of delivery since {days} days, please do something.
        I've now had "tomorrow" four days in a row from {carrier}.
        What do I get for the [delay|late arrival]? I planned a whole workshop around this {device}.
        The parcel seems stuck at the depot for {days} days, well past the promised date. Can you give them a push?
        Is it lost? Ordered in {month}, promised in a week, and it's [a month later|now nearly a month].
        How many more [days|weeks] must I wait? I was told {weekday} at the latest.
        Your chat told me that it'd be here {time}, your chat [was wrong|lied].
        I need it for surgery rounds and it's running late by {days} days already.
        Overdue: {order}. Please [chase|escalate to] {carrier}.
        This was meant to be under the tree. It's [January|nearly February].
        Everybody else who ordered on the same day has theirs; mine [is nowhere|hasn't come]. What's holding it up?
        The shipment missed its slot on {weekday} and no one has told me about a new one.
        Your estimate was three to five working days and we're on day {days}.
        After {weeks} of "in transit" I think we can agree that something has gone wrong.
        You've moved the date three times now. Can I have one that [holds|is true]?
        I don't need to know where it is, I need it to be here, as you said, [last week|{time}].
        The courier claims bad weather. For {days} days? In {month}?
        It should have reached my hotel before I checked out. I've checked out. It's not here.
        same day delivery lol, ordered {time} and still waiting
        I ordered it to have it for [my trip|the conference], I fly tomorrow, and it was due {time}.
        They tried once, left no card, and since then [radio silence|nothing], {days} days past the date.
        Everything about the {device} is great, I hear. I wouldn't know, it was meant to come {time}.
        We are well beyond the delivery date that was confirmed for {order} and request an explanation.
        Waiting since {weeks} for one {part}. One!
        The other parts came on time. The {item} was promised for the same day and [is late|isn't here yet].
        The exhibition opens on {weekday} and the tablets that should have come {time} are missing from my life.
        My patience is [wearing thin|running out]: the date you gave has passed twice.
        How is it possible that a letter from {country} takes three days and your parcel {weeks}?
        Delivered "on or before" {weekday}, says the mail. It's [neither|the week after].
        Could you look into why {order} is so far behind the schedule I was given at checkout?
        """,
        """
        My order is late.
        The delivery is [already|now] [delayed|overdue] and I'm still waiting.
        Why is my delivery so late?
        My [parcel|package] should have arrived [by now|long ago].
        It still hasn't been delivered, and the delivery date has passed.
        My package is late and still hasn't arrived.
        Why has my order still not arrived?
        This delivery is [far too late|days late].
        How much longer will the delay be?
        I've been waiting [too long|far too long] for my delivery.
        The promised delivery date has passed [already|and nothing came].
        My order still hasn't arrived [as promised|on time].
        Why the delay? It was supposed to arrive [earlier|on time].
        What is the reason for the delay of my order?
        My delivery is overdue, please find out why.
        It's late, [and not by a little|very late].
        What happened to the delivery date?
        Nothing has arrived and the date is past.
        I'm still waiting and it's days past the delivery date.
        You're late with my order.
        Can you find out why my parcel is delayed?
        The parcel is delayed and nobody says why.
        When does this delay end?
        Where's the order that you promised me for [last week|days ago]?
        """,
        """
        I ordered the {item} [in {month}|{weeks} ago].
        I picked express shipping.
        The checkout said it would be here {time}.
        {order} was confirmed in {month}.
        I arranged to be home on {weekday}.
        I have waited patiently until now.
        I've been patient.
        I don't usually complain about the post.
        The money was taken at once.
        I chose you because you were said to be quick.
        I paid for it long ago.
        There was a promise on your page.
        """,
        """
        The order is {number}.
        {carrier} says to ask you.
        Nobody answers at {carrier}.
        It was meant as a present for {who}.
        Nobody told me about any delay.
        I'd have bought it in town if I'd known.
        I've heard every excuse by now.
        My neighbours haven't got it either.
        I need a date that I can rely on.
        """,
    ),
    "sync_problem": _intent(
        90,
        "notes or files do not pass between the tablet, the app and the cloud",
        "pairing_problem",
        """
        My notes [don't show up|aren't appearing] on my {os}.
        Sync has been stuck at [12|48|99] percent since {lately}.
        What I write on the {device} [never reaches|doesn't get to] the desktop app.
        I wrote four pages {time} and on the {os} the notebook is [empty|blank].
        There's a little cloud with an exclamation mark next to [every|each] notebook.
        I've got [two versions|three copies] of the same page, one "conflicted copy". Which one is right?
        The tablet says "last synced {time}" and [won't go any further|refuses to go beyond that].
        [All my|Half of my] folders vanished from the app after the update, on the tablet they're [fine|still there].
        PDFs I drop in the desktop app [don't make it to|never arrive on] the {device}.
        Error 4012 every time it tries to upload. [WiFi is fine.|The internet is fine.]
        Changes I make on my phone [overwrite|wipe out] what I wrote by hand. I lost a whole meeting!
        Only the first page of each notebook [comes across|is transferred], the rest stays grey.
        Why do my handwritten pages take [hours|half a day] to get to the computer?
        The tags that I set on the tablet aren't the tags I see on my {os}.
        Everything I deleted last month is [back again|suddenly back], on all my devices. Zombies.
        The {device} and the web version [disagree|don't agree] about what is in my Work folder.
        I have to log out and back in before today's pages become visible on my {os}.
        It says "waiting for network" though I'm [streaming music|browsing] on the same connection.
        Is your server down? Nothing has [uploaded|gone up] from here since {lately}.
        My flatmate and I share a notebook and she can't see anything I [added|wrote] this week.
        The spinning arrow has been spinning since {weekday}.
        I'm standing in a lecture hall and the slides I put in the folder at home aren't on the [tablet|{device}].
        Automatic backup [failed|didn't run] eleven times, says the log. I did nothing different.
        It uploads from the tablet fine but nothing comes down the other way.
        My calendar sheets from {month} exist on the {os} only. How do I get them [on|onto] the {device}?
        After {weeks} abroad the tablet won't catch up; it gets to page 30 and starts over.
        [I can't see|I don't see] the sketches my team shared with me, the project folder just stays empty.
        The desktop app is showing last {weekday}'s version of everything.
        please help my pages are gone in the app!! on the device i still see them
        Is there a limit on size? One big notebook of 400 pages never finishes, the small ones do.
        The clock on my pages is off by two hours and since then the order of notes is different on each gadget.
        My {os} thinks it's up to date. It is not up to date. It's missing [six|two] notebooks.
        Whatever I move into a folder on the {device} [jumps back|moves back] a minute later.
        I edit on the train without internet and at home none of it is [taken over|merged].
        The converted text comes through but the drawings next to it [don't|are missing].
        Storage is at 2 of 10 GB and it still tells me there's no room to upload.
        Renamed a notebook on the phone, now there are two, and neither has [all pages|everything].
        Is it normal that templates made on my {os} don't travel to the [tablet|{device}]?
        It worked for a year. Since version 5.2 nothing I write arrives [anywhere else|on the other side].
        The upload runs all night and in the morning the counter is at zero again.
        I signed a contract on the tablet and cannot find it [online|in the cloud], and the client is waiting for it.
        Bookmarks in books: on one machine page 80, on the other page 12. Every day.
        How do I force it to [refresh|push everything]? Pulling down does nothing.
        When I open the web page it shows someone's blank account, my notebooks aren't listed there.
        The shopping list I scribbled is on the tablet in the kitchen but not on my {os} in the shop.
        Since I replaced the {device} the old notes come over in [bits and pieces|random order].
        """,
        """
        My notes are not syncing.
        The sync [doesn't work|has stopped working].
        Why won't my notes sync?
        My notebooks don't sync between the tablet and my {os}.
        How do I get [the sync|my notes] working again?
        Please help me get my notes to sync again.
        There's a problem with syncing [my notes|between my devices].
        The app isn't syncing my [notes|notebooks|pages].
        My tablet and the app no longer sync.
        Syncing [fails|gets stuck] and my notes don't show up in the app.
        Is there a problem with your cloud sync?
        Is something wrong with the cloud sync?
        My pages are not being uploaded to the cloud.
        I need my notebooks synced to my {os}.
        How can I make the tablet sync with the app?
        What I write doesn't sync [any more|at all].
        Cloud sync is broken [for me|since the update].
        The notes on my devices are out of sync.
        My devices won't sync [any more|with each other].
        How can I fix the sync?
        It just doesn't sync.
        How can I get my notes to show up on both devices?
        Could you look into why my notebooks don't sync?
        Why are my notes missing in the app?
        """,
        """
        I use the {device} together with my {os}.
        I'm on {plan}.
        I updated everything {time}.
        I take notes at work all day.
        I've reinstalled the app on my {os} twice.
        The two used to work together perfectly.
        I rely on this for work.
        Everything is signed in with the same account.
        It was all working before the holidays.
        I have about sixty notebooks.
        I write on the tablet and read on the {os}.
        I'm not doing anything unusual.
        """,
        """
        I've restarted both of them.
        Other apps on that network work.
        The tablet's own copy looks fine.
        I'm on the latest version.
        I'm scared of losing my thesis notes.
        Logging out didn't change anything.
        The storage isn't full.
        I've waited a whole day.
        It's the same on another network.
        """,
    ),
    "reset_password": _intent(
        84,
        "the password is forgotten, refused, or the reset mail fails",
        "login_code change_email",
        """
        I [forgot|can't remember] my password and [would like|need] to set a new one.
        The reset link [has expired|says invalid] every time I click on it.
        It keeps saying wrong password, but I'm [sure|certain] it's the right one.
        How do I [change|replace] my password? I think somebody [has seen it|knows it].
        I've asked for the reset mail [three|five] times and [nothing arrives|it's not in spam either].
        [Can't|I can't] log in since the update, it no longer likes my credentials.
        My {who_noun} set up the account and has no idea what was typed in back then. How do we get in?
        After too many tries I'm [locked out|blocked] for 24 hours. Can you let me back in?
        The new password page rejects [everything|all] I type: too short, too long, no symbol, too many symbols.
        I'd like to get back into my account, I only remember that [it had a bird in it|there was a 7 in it].
        My browser [lost|forgot] all my saved logins and now I'm stuck outside.
        The "forgot?" link under the sign-in box [does nothing|gives me a blank page] when I press it.
        Need to reset pw, [link is dead|no mail came].
        Got an email that someone tried to sign in from {country}. I want to pick a new secret word right away.
        Where in the settings do I change what I type to log in? I want [something stronger|a longer one].
        I know the email is right, it's the other field that's the problem. [I drew a blank.|I've forgotten it.]
        Back after a year and can't [get|log] in any more. Please send something so that I can choose a new one.
        The website took my new password but the {device} still wants the old one, which I [don't have|forgot].
        Could you set a temporary password for me and I'll [change it|pick my own] later?
        The sign-in screen shakes its head at me. I've tried every variation that I ever [used|wrote down].
        My login is in a note. The note is on the tablet. The tablet has logged me out. [Help!|You see my problem.]
        Your mail says "click here within 15 minutes" but it reaches me after an hour, so it's never valid.
        I typed a new one twice as asked and now neither the old nor the new one [works|is accepted].
        Do passwords expire with you? Mine worked on {weekday} and [doesn't|won't] today.
        Please unlock my login, I mistyped it too often.
        I used to sign in with Google and never had a password. Now it demands one. Which one?
        For security reasons our IT wants all of us to renew our credentials, how is this done at Inkwren?
        I share the login with {who} and want to choose a different one so that only I [can get in|know it].
        It won't take umlauts any more and mine has two. I can't get in to change it either.
        The keyboard on the {device} has no "#" and my password does. How do I get in?
        i cant get into my acount, forgot the pasword, send me new one
        When I hit reset I'm told "no such user", but you [bill|charge] that user every month!
        A leak site shows my Inkwren login. I want to replace it now, where do I do it?
        Without the "show what I type" eye I keep failing to sign in, please [reset it|start me afresh].
        I made up a brilliant one on {weekday} night and by morning it had left my head.
        Every reset mail sends me to the shop's front page instead of a page where I could type a new one.
        I can open the mailbox and I know my user name. What I don't know any more is the password.
        My mother (81) has [forgotten|lost] her login word for the tablet. How can we make a new one for her?
        The security question asks for my first pet. I never [answered|set] that. How else do I get back in?
        Says my credentials are outdated and then doesn't let me update them.
        I have changed the password {time} and now I'm being signed out every hour and it's refused again.
        Which rules does a new passphrase have to follow? The form only says "too weak".
        """,
        """
        I need to reset my password.
        How do I [reset|change] my password?
        I forgot my password and can't log in.
        Can you send me a [new password|password reset link]?
        I can't log in with my password.
        Please reset my password so I can log in again.
        My password [doesn't work|isn't accepted] any more.
        The password reset doesn't work.
        I'd like to choose a new password.
        I'd like to [set|choose] a new password for my account.
        I can't get into my account, my password is wrong.
        How can I get a new password?
        Please help me recover my password.
        Can you help me log in? It's the password.
        Please send me a password reset mail.
        What I need is a new password.
        The password I have is no longer right.
        How can I log in if I don't know the password?
        Can you reset the password on your side?
        I want to change my password.
        I don't remember my password.
        Logging in fails because of the password.
        The login always says that my password is wrong.
        I'd be glad of a fresh password link.
        """,
        """
        I haven't signed in since {month}.
        I'm trying to log in on my {os}.
        I got a new {os} {time}.
        I'm standing in front of the sign-in page.
        I've had an account with you for years.
        It logged me out {time}.
        I'm in a bit of a hurry.
        This happens to me with every site.
        My browser used to fill it in for me.
        I wrote it down somewhere, surely.
        I'm locked out of everything today.
        I rarely have to log in.
        """,
        """
        I've checked the spam folder.
        My e-mail address is still the same.
        I need my notes for [a meeting|class] tomorrow.
        It's the same in every browser.
        I've tried it with caps lock on and off.
        My mail works fine otherwise.
        I'm sure it's just a small thing.
        I've no other device.
        I tried everything on the help page.
        """,
    ),
    "refund_status": _intent(
        78,
        "a refund was promised or sent off; where is the money",
        "request_refund return_item",
        """
        You [approved|confirmed] my refund {time} and [I still see nothing|there's nothing] on my account.
        When will the {amount} [be back|arrive] on my card?
        I sent the {item} back {weeks} ago. Where's my money?
        How long do refunds [usually take|take with you]? Mine was promised {time}.
        The return shows as received on {weekday}, so when does the [payment|repayment] come?
        Has the refund for {order} been [issued|processed] yet?
        My bank says that no credit from Inkwren is [pending|on its way]. You say it's been sent. Who's right?
        [Could|Can] you give me the reference of the reimbursement, so that my bank can look for it?
        I've been told "5 to 7 business days" and it's been {days}.
        Only [half of|a part of] the amount has come back. When does the rest follow?
        Your colleague said my money is on its way. That was {weeks} ago. [Is it walking?|It must be walking.]
        I changed banks since then: to which account did you send the {amount} you owe me?
        Just checking on the reimbursement for the {item} that I returned {time}.
        Still waiting for my {amount}. The tracking shows you signed for the parcel [{weeks} ago|long ago].
        The credit note is dated in {month}, but [my balance says otherwise|no money followed].
        Was the money paid back to the card or [as store credit|to PayPal]? I can't find it in either.
        I cancelled before it shipped and you said I'd be reimbursed automatically. Nothing so far.
        Any update on repayment {number}?
        I don't want to ask for a second refund, I want to know what became of the first one.
        It says "refund initiated". For {days} days it says this. What happens [next|between initiated and done]?
        My statement closed {time} and the amount you promised [isn't on it|was not on it].
        My old card was [closed|blocked] in {month}; does the reimbursement bounce then, or where does it end up?
        Did you get my return? The {item} left here {time} and I haven't [been credited|had the money].
        The promised compensation of {amount} for the outage, when will this be [paid|transferred]?
        I received a mail saying "your refund is complete", and yet [no cent has arrived|my account begs to differ].
        I'm out of pocket by {amount} until you pay back what was agreed. Where does that stand?
        hi did u send my money back yet? u said friday
        We returned six units in {month}. Accounting asks when the [credit|{amount}] will be booked.
        My case was closed as "refunded". It isn't. Please [look again|reopen it].
        According to the mail, the sum should be visible within one billing cycle. It's been two.
        I paid with a gift card. The money you gave back, how do I see that it's on there again?
        Could you check whether the reimbursement got stuck, since {who} was paid within days and I wasn't?
        You took the tablet back {weeks} ago, the deal was money in exchange. I'm missing the second half.
        I need the [date|exact date] on which you transferred the {amount}, for my bank's search.
        The agent in chat arranged everything {time}, very friendly. The amount hasn't [landed|appeared], though.
        I've been credited {amount} and it should've been more with shipping. Is the rest still coming?
        """,
        """
        Where is my refund?
        When will I [get|receive] my refund?
        I'm still waiting for my refund.
        What is the status of my refund?
        My refund [hasn't arrived|still isn't here].
        Has my refund been sent yet?
        Please check [what happened to|the status of] my refund.
        How long does the refund take to arrive?
        How long until the refund is on my account?
        I haven't received my refund yet.
        When does the refund I was promised arrive?
        When is my refund going to arrive?
        The promised refund has not reached my account.
        Has the refund been paid out already?
        The refund that was confirmed hasn't shown up.
        Is my refund [on its way|being processed]?
        I'd like to know when the refund comes.
        Could you look up my refund?
        I'm asking about a refund that you already agreed to.
        My money still hasn't come back.
        When will the money be back on my account?
        It's about the refund you owe me.
        How much longer will the refund take?
        I'm waiting for the money to be refunded as promised.
        """,
        """
        I returned a {item} in {month}.
        You wrote to me {time} that my claim was accepted.
        My return for {order} was checked in {time}.
        I cancelled {order} {time}.
        We agreed on a refund {time}.
        I sent everything back {time}.
        I know these things take time.
        Your part of the deal is still open.
        The return went smoothly.
        It has all been agreed in writing.
        I was told not to worry.
        I don't want to be a nuisance.
        """,
        """
        The order was {number}.
        I've checked my bank account again today.
        I have the mail in which you say yes.
        The amount is {amount}.
        My bank can't see anything.
        It went back with {carrier}.
        I don't want to wait another month.
        The card is still valid.
        I've been very patient.
        """,
    ),
    "battery_problem": _intent(
        72,
        "charging or battery life of the tablet or the pen",
        "warranty_question damaged_item",
        """
        The {device} [doesn't|won't] charge any more, [no matter which cable|whatever plug I use].
        The battery [drains|goes down] overnight though I don't touch it.
        I used to get two weeks out of a charge and now it's [barely a day|a day and a half].
        No light comes on when I plug it in.
        It goes from 40 percent straight to [off|black].
        The tablet gets [really hot|quite warm] at the bottom when it's plugged in. Is that dangerous?
        My Nib pen is dead every morning even after a night on the dock.
        It only charges [at a certain angle|if I hold the plug just so].
        Stuck at [61|80|97] percent and never gets full.
        It switches itself off in the middle of lectures and needs the [plug|wall] to come back.
        The Perch blinks [orange|red] and the {device} on it stays [empty|where it was].
        Can I swap the battery myself? Mine [holds|lasts] no more than a few hours.
        I leave it plugged all night and in the morning it's at [30|15] per cent.
        Since the last update I have to feed it [power twice a day|every few hours].
        The back is [bulging|slightly swollen] and the screen is lifting on one side.
        Bought it for the long life. Mine doesn't make it [through a working day|from breakfast to dinner].
        It's completely lifeless after two weeks in the drawer, plugging it in does nothing at all.
        The percentage [jumps around|is all over the place]: 70, 20, 55, off.
        Which charger may I use? With my phone's one it says "slow" and gets nowhere.
        On standby it eats five percent an hour. Something must be running.
        The little port feels loose, and the cable [falls out|slides out] when I breathe.
        I have to carry a power bank for an e-ink device. [That's absurd.|What is the point?]
        It takes [nine|eleven] hours to fill up. Is that normal?
        Dead as a doornail this morning, [was at 90 last night|it was full when I went to bed].
        The pen says "low" in the corner from the moment I take it off the [magnet|dock].
        My tablet starts, shows the bird, and goes dark again, [forever|over and over], unless it hangs on the wall.
        wont turn on. tried 3 chargers. nothing
        Reading a book for one hour costs me a third of the bar.
        In the cold at work (I'm a surveyor) it gives up after [ten|twenty] minutes with half still left.
        Does turning off WiFi help? I get through a full load by noon and have to run to a socket.
        The dock charges the pen fine but ignores the tablet.
        It wakes up in my bag, keeps the light on, and is empty by the time I need it.
        After {weeks} it has gone from ten days to three, at this rate it'll be a desk lamp by {month}.
        I'm getting a "temperature too high" warning with the cable in, and then it refuses to [take|accept] any power.
        I charged it with a laptop brick once and now the [bolt symbol|lightning icon] no longer shows up.
        It shows full after ten minutes on the cable, then dies within [the hour|two pages].
        """,
        """
        Something is wrong with the battery.
        Is this a battery problem?
        What is wrong with the battery?
        There seems to be a problem with the battery [or the charging|and charging].
        Is the battery [faulty|broken]?
        How do I fix the battery problem?
        I think it's the battery or the charging circuit.
        So the battery is [no good|useless].
        Does the battery have a defect?
        Is the battery at the end of its life?
        I think the battery is [dying|faulty].
        Is this a charging problem or a bad battery?
        What can I do about the [battery|charging]?
        Could you check the battery with me?
        Please help me with this charging problem.
        My question is about the battery.
        Can I get it to charge properly again?
        The battery [must be|is probably] worn out.
        Can the battery be replaced or fixed?
        Is it normal for a battery to act like this?
        I don't trust this battery any more.
        How do I get a battery that works?
        Do I need a new battery or a new charger?
        Something isn't right with how it charges.
        """,
        """
        I have a {device}, bought in {month}.
        The {device} is [half a year|eight months] old.
        I use the original cable.
        I mostly write with the light off.
        I keep it on the Perch at night.
        It was fine until {lately}.
        I write maybe two hours a day.
        I treat it like a raw egg.
        It's always in its cover.
        I bought it for travelling.
        At first it lasted for ages.
        I read the tips on your page.
        """,
        """
        I tried a different socket.
        The cable works with my phone.
        I've cleaned the port.
        A restart didn't change anything.
        It has never been dropped.
        I hardly use it for anything but notes.
        I can't work like this.
        It's on the latest software.
        I switched off everything else.
        """,
    ),
    "return_item": _intent(
        66,
        "how to send something back or exchange it: label, address, time limit",
        "request_refund wrong_item",
        """
        How do I send the {item} back? [There was no label in the box.|I can't find a form.]
        [Can|May] I exchange my {device} for the bigger one?
        I need a return label for {order}.
        What's the address for sending things back from {country}?
        How many days do I have to [return|bring back] an opened {item}?
        Do I have to pay the postage if I [ship|send] the cover back?
        The printed slip [got wet|is torn], can you email me a new one?
        I'd like to swap the [left-handed|grey] {part} for [the other one|a different colour].
        Is it OK to return it without the original [box|packaging]? My recycling was quicker than me.
        Where can I drop it off? The {carrier} shop near me [closed|no longer takes your parcels].
        The return portal tells me {order} is [not eligible|not returnable], [why|how come]?
        I'd rather have the smaller version. What's the way to trade it in?
        Can a courier pick it up from [my place|our office]? I can't carry four tablets to the post.
        It was a present and I don't have the receipt, can it still go back?
        I've taken the wrong size of sleeve. What do I do with it now?
        My {who_noun} lives in {country}. Can the parcel be handed in there, or does it need to leave from here?
        Do I need to wipe my notes before I put the {device} in the post to you?
        Which items should go in the box, just the tablet or [cable and pen|the pen] too?
        I created a return {time} but no QR code was sent to me.
        Will you take back pen tips if only one of them has been tried?
        How shall I pack it so it doesn't [break|get scratched] on the way to you?
        May I put two returns in one parcel, or must each have its own label?
        My thirty days end on {weekday}. Does it count when I post it or when you [get|receive] it?
        The QR code isn't [accepted|readable] at the counter. They sent me home with the box under my arm.
        I'd like it in black instead. It's unused. How does an exchange [work|go] with you?
        Please arrange collection of the {item}, we will not be keeping it.
        Can I bring it to your [showroom|store] in {city} rather than post it?
        What do I write on the customs form when the parcel goes back to you from {country}?
        A shop near me sells your stuff, but they won't take mine back because I bought it online. So where to?
        want to send it back, whats the adress
        The tablet you sent on loan for the trial needs to go home now. What are the steps?
        I ordered both sizes to compare. The large one is going back, how do I go about that?
        You said a label would be in my inbox {time}. My inbox is [label-free|still waiting].
        I'm in a wheelchair and can't get to a drop-off point, is there another way of giving it back?
        If I return only the pen and keep the rest, which form is it?
        Is there a deadline for Christmas gifts? I'd hand it back after {weekday}.
        """,
        """
        I'd like to return [it|my purchase].
        How do I return an item?
        How can I send it back to you?
        Please send me a return label.
        How does the return [work|process work]?
        Where do I send the return?
        I want to [return|exchange] it.
        What is your return address?
        Could you email me a return label?
        Can I still return or exchange this?
        I need [help with a return|instructions for returning it].
        What are the steps for a return?
        How do I start a return?
        I'd like to exchange it for another one.
        I want to return this, what do I do?
        I need to send something back, how?
        Could you explain how to return things?
        Which address do I send it back to?
        I'd like to start a return [today|please].
        How do I get a label to send it back?
        I need a label for sending the parcel back.
        May I return it by post?
        Is there still time to return it?
        Please tell me how to send it back.
        """,
        """
        I bought a {item} {time}.
        I have {order} here on my desk.
        I've decided not to keep the {item}.
        It's unused and in its box.
        I looked at your returns page.
        We ordered one {item} too many.
        It just isn't right for us.
        Nothing is wrong with it.
        I only opened the lid.
        It's ready on the hall table.
        It was a spontaneous buy.
        I've never returned anything here before.
        """,
        """
        The order number is {number}.
        I don't own a printer.
        It's still in its film.
        I can drop it off on {weekday}.
        It came with {carrier}.
        I'm at home in the mornings.
        I'd like to get it out of the house.
        I have a spare carton.
        There isn't a scratch on it.
        """,
    ),
    "unknown_charge": _intent(
        62,
        "a charge that the customer does not recognise or finds wrong",
        "request_refund payment_declined",
        """
        There's a charge of {amount} from you that I [don't recognise|can't place].
        I was [billed|charged] twice this month, [why|what happened]?
        What is INKWREN*SVC on my [statement|card bill]?
        Why did you take {amount} {time}? I [didn't order|haven't bought] anything.
        My bill went [from 5 to 9|up by four euros] without anybody asking me.
        I don't have an account with you and yet my bank shows a payment to Inkwren.
        Two identical debits, same day, same minute. [Which is the real one?|Explain please.]
        I'm on the free version, so what exactly am I paying {amount} for?
        The total on my card is higher than the total [at checkout|on the order page]. Where does the rest come from?
        Someone [in my family|in our office] swears they bought nothing, but {amount} went to you {time}.
        [Please explain|Can you explain] the item "proration adjustment" of {amount}.
        Your price list says one thing and my bank account says [another|something else].
        I stopped my plan in {month}, so what was the money for that you took {time}?
        A yearly fee? I chose [monthly|by the month]. Now there's {amount} gone in one go.
        We have four seats and are being [invoiced|billed] for seven.
        There's a one-dollar thing from you {time}. Is it a test or a [scam|fraud]?
        Is it customs or is it you who took another {amount} after delivery?
        I think my card was used by somebody else at your shop, there are orders that aren't mine.
        You debited {amount} in [dollars|pounds] although my order was in euros. Why?
        What's this "storage add-on"? I never ticked any box for it.
        I was told the first three months are free, my bank was told something different.
        Before I call the bank about fraud: do you know what these {amount} are?
        My card was charged the moment I typed it in. It was supposed to be a trial!
        Every [4th|19th] of the month a small sum goes to Inkwren and I've no idea what it's for.
        can u tell me why u took {amount} from my account
        Why do I see VAT on top? The price was shown as [all inclusive|final].
        I see a hold of {amount} that doesn't belong to any of my orders.
        The shipping was supposed to be free over a hundred, and still there's an extra {amount}.
        Our bookkeeper found a payment to Inkwren in {month} that nobody here can match with anything.
        I paid {amount} this year and a good deal less last year, for the same thing. Nobody announced that.
        One {part}, three payments. What kind of maths is this?
        I cancelled {order} before it left and the debit went through anyway. What is it for?
        Did you start charging for the text conversion? My bill looks different [this month|since {month}].
        My late husband's card is still being debited by you, for what I don't know.
        Got an SMS from the bank: {amount}, Inkwren, 3:12 am. I was asleep at that time.
        Please itemise the sum of {amount}, I cannot make sense of it.
        """,
        """
        I don't recognise this charge.
        Why was I charged?
        What is this charge for?
        Why have I been charged [twice|this amount|again]?
        There's [a strange|an unknown] charge from Inkwren on my card.
        Can you explain this charge on my statement?
        I've been charged for something I didn't order.
        I think I was charged the wrong amount.
        Why did you charge my card?
        Please explain this payment on my card statement.
        You charged me [too much|more than agreed].
        I was charged and I don't know why.
        What did I pay for there?
        My bank statement shows a charge I don't understand.
        This charge is not mine, what is it?
        You took money from my card and I don't know what for.
        What have you charged me for?
        I don't understand what I'm paying for.
        Please check why I was billed.
        I see a charge that I never agreed to.
        Is this charge a mistake?
        Why is there a payment to Inkwren on my statement?
        I've no idea what this charge is.
        Please tell me what that charge was about.
        """,
        """
        I just went through my bank statement.
        I opened my banking app {time}.
        I only have the free version.
        My plan is {plan}.
        I do our household accounts on Sundays.
        The last thing I bought from you was in {month}.
        I keep an eye on my money.
        I'm going through my receipts.
        Something doesn't add up.
        My bank sent me an alert.
        I share the card with nobody.
        I'm a bit alarmed.
        """,
        """
        The date on it is {date}.
        I haven't ordered anything since {month}.
        Nobody else has my card.
        The bank sent me to you.
        I'd like to understand it before I dispute it.
        There's no mail about it either.
        It worries me.
        I keep my receipts, and there's none for this.
        I hope it's just an error.
        """,
    ),
    "cancel_order": _intent(
        58,
        "stop an order that has not arrived",
        "cancel_subscription request_refund change_address",
        """
        Please cancel {order}, I [ordered|took] the wrong [size|model].
        I'd like to stop my order before it [ships|leaves your warehouse].
        I pressed buy twice. [Can you drop|Please delete] one of the two?
        Don't send the {item}, [I found one locally|I no longer need it].
        Is it too late to call off the purchase that I made [an hour ago|{time}]?
        My {who_noun} already bought me one, so mine mustn't go out.
        [Changed my mind|We changed our minds] about the {device}. Please don't ship.
        Withdraw {order} please, the project it was for has been [called off|cut].
        It's taking too long, forget it. [I don't want it any more.|Call it off.]
        There's no cancel button next to my order, only "track" and "help". I'd like it gone.
        I placed an order with the wrong account. Could you void it and I'll redo it?
        The kids got hold of my phone and ordered three docks. None of them should leave the house. Your house, I mean.
        Please take the {part} off {order} and [send|keep] the rest.
        Can you [halt|stop] the shipment? It just says "being prepared" right now.
        I want to undo what I bought {time}; it hasn't been packed yet as far as I see.
        The pre-order: I no longer want to be [on it|part of it]. What do I do?
        Just realised that it doesn't support [Cyrillic|my alphabet]. Please stop {order} from going out.
        If it isn't going to be here by {weekday}, cancel it.
        I hit "order" instead of "save for later". Please make it not happen.
        Kindly annul our purchase order {number}; a revised one will follow.
        I'll refuse the parcel at the door otherwise, so better not send it at all.
        We ordered ten but the head office says no. Can you scrap the whole thing [today|before it's packed]?
        I see the price dropped. I'd like to scrap my order from {lately} and place it again.
        Is {order} still stoppable? The confirmation says I have [an hour|60 minutes] and I'm at minute fifty.
        cancel my order pls i made mistake with the colour
        Not the subscription, that one's fine. It's the {item} from {lately} that I don't want.
        Nobody reacted to my request to stop {order} and now I see it's being packed!
        I'd prefer to wait for the new model, so please don't process the {device} I just bought.
        My loan fell through, I can't afford the {device} after all. Please let me out of the order.
        I bought it as a surprise and the surprise is over, we split up. Don't post it please.
        Take me out of the queue for the {device}, I've lost interest.
        I'm moving abroad on {weekday}, so the order won't find me. Best to call the whole thing off.
        My wish is that order {number} will not be executed.
        Oops. That was the demo basket of my web design class. It went through for real. Undo!
        Can I remove something from an order that I've already paid, namely the {part}?
        Stop the press, or rather the parcel. I don't need {order} any longer.
        """,
        """
        I want to cancel my order.
        Please cancel the order before it ships.
        Can I still cancel my order?
        How do I cancel an order [that hasn't shipped|I just placed]?
        Please [stop|cancel] this order.
        Please cancel my order as soon as possible.
        I'd like to cancel the order I placed {time}.
        Could you cancel the order, please?
        Is it still possible to cancel the order?
        Don't ship the order, I want to cancel.
        I need this order cancelled.
        I need to cancel an order that hasn't shipped.
        My order should be cancelled [today|right away].
        Cancel the purchase, please.
        Please don't ship it, cancel the order.
        Cancel it, please, [before it goes out|while it's still with you].
        I don't want the order any more.
        Please don't send my order [out|any more].
        Can the order still be stopped?
        I would like this purchase cancelled.
        Can you stop it before it's shipped?
        I've got an order to cancel.
        Please take back my order.
        I no longer want what I ordered, so please cancel.
        """,
        """
        I placed {order} [an hour ago|this morning|ten minutes ago].
        I ordered a {item} {time}.
        The status is still "received".
        I was in your shop online {time}.
        My order is only a few minutes old.
        It hasn't shipped according to the page.
        I was too fast.
        It's entirely my fault.
        I've slept on it.
        Something came up.
        I've just had a look at my budget.
        I bought it on a whim.
        """,
        """
        The number is {number}.
        I haven't had a shipping mail yet.
        I'm sorry for the trouble.
        I hope I'm in time.
        It was paid by card.
        Please confirm that it's stopped.
        I won't be ordering another one now.
        It should be easy as nothing has moved yet.
        I noticed straight away.
        """,
    ),
    "payment_declined": _intent(
        54,
        "a payment does not go through",
        "update_payment_method discount_code",
        """
        My card [is|gets] declined at checkout [but works everywhere else|though there's plenty of money on it].
        "Payment could not be processed." [I've tried four times.|Again and again.]
        The renewal [failed|bounced] and now my {plan} features are switched off.
        Your shop [won't take|refuses] my Visa.
        I press pay, the circle [turns|spins], and then I'm back in the basket.
        PayPal says approved, you say [failed|not paid]. Who is right?
        I can't finish the purchase, the last step throws [an error|"something went wrong"].
        I got a mail that my payment was rejected. My bank says they [never saw|never got] a request.
        The 3-D secure window [stays white|doesn't open] so I can't confirm the order.
        Do you not accept [Amex|prepaid cards|cards from {country}]? Mine is always refused.
        It says my postcode doesn't match the card. It [does|certainly does].
        Insufficient funds?? I'm looking at my balance as I write this, there's more than enough.
        The bank app asks me to approve, I approve, and the website [says timed out|pretends nothing happened].
        I've been trying to give you my money for an hour, [please let me|why won't you have it].
        Instalments: the first one went through, the second was [returned|refused]. My account is covered.
        Is there another way to pay? [Both my cards|All my cards] are turned down.
        Apple Pay shows a tick and then an exclamation mark, no order appears.
        Every attempt ends with code 51. I asked my bank and it isn't them.
        My [limit|daily limit] is high enough, I bought a sofa the same day. Yours is the only thing that bounces.
        "Your last transaction was unsuccessful", says the banner, and it won't go away even after I try again.
        We tried to pay for 12 units by company card and it's blocked each time at the final click.
        The checkout keeps wanting a CVV although I've typed it [three times|already] and then says no.
        I want to buy the {device} but it's stuck on "authorising".
        You'll suspend my plan in 3 days since the debit didn't work, you say. There's money there! Try again.
        card not working on ur site why
        The gift card pays a part of it, the rest on my Mastercard is always rejected.
        I'm in {country} with a card from home. Is that why it's not letting me pay?
        My direct debit came back. The bank says that you used [a wrong|an incomplete] mandate.
        The order page says "unpaid" although I did all the steps; the money has not left my account.
        How come the transaction is stopped at your end? My bank sees the request and then your cancellation of it.
        Not even one cent goes through, on the phone or on the laptop.
        I can't renew. It takes me to the bank and the bank [takes me back|sends me back] with a red cross.
        Klarna accepted me, your site didn't accept Klarna. Going round in circles with a full basket.
        The card I've used with you for two years suddenly [isn't good enough|fails] for a {part}.
        Trying to check out with {amount} in the basket and the pay button stays grey whatever I fill in.
        The system thinks I'm a fraudster. I'm a music teacher with a valid debit card. Could you unblock it?
        """,
        """
        My payment [was declined|keeps failing].
        Why is my card declined?
        My card was declined and I can't pay.
        The payment doesn't go through.
        My payment failed [again|and I don't know why].
        Why does my payment keep failing?
        Your checkout [rejects|declines] my card.
        I can't pay [at checkout|with my card].
        The payment was rejected at checkout.
        How can I pay if the payment is always declined?
        Why was my payment rejected?
        I can't complete the payment with my card.
        My card isn't accepted [at checkout|by your shop].
        The payment fails every time I try to pay.
        Is there a problem with card payments on your site?
        """,
        """
        I'm trying to buy a {item}.
        I want to renew {plan}.
        I have {amount} worth of things in my basket.
        I've used the same card for years.
        I tried to check out {time}.
        My plan was due for renewal {time}.
        I'm trying to give you business.
        I've got everything in the basket.
        I checked every digit.
        My bank has already been on the phone with me.
        It's the last step of the order.
        I've paid here before.
        """,
        """
        My bank sees no problem.
        The card is valid until next year.
        I tried another browser too.
        No money has been taken so far.
        The offer ends [tonight|on {weekday}].
        My phone showed the same.
        I typed everything in by hand.
        I've no other card.
        I'd like to get it done today.
        """,
    ),
    "damaged_item": _intent(
        52,
        "something arrived broken or scratched",
        "wrong_item warranty_question",
        """
        The {item} [arrived|came] with a crack across the [corner|screen].
        The box was [crushed|soaked] and what's inside [is too|looks no better].
        There's a [deep scratch|long scratch] on the display [straight out of the box|from the first minute].
        Opened the parcel {time}: the hinge is [snapped|bent].
        Unpacked it and the glass is in [pieces|a hundred pieces].
        My new {device} has a dead line running [down|through] the middle of the screen.
        The Perch rattles, something inside has come loose [on the way|during transport].
        The pen's tip was [broken off|bent] when I took it out.
        It looks like a lorry [drove over|sat on] my parcel. The tablet didn't survive.
        {carrier} threw it over the gate, into a puddle. [Guess how the tablet is.|It no longer starts.]
        The leather on my Folio has a stain and a [tear|cut] in it, brand new.
        You call this new? The corner is [dented|chipped] and the paint is off.
        One of the three units we received is [shattered|cracked]. The other two are OK.
        I have photos of the [state|condition] it came in, where should I upload them?
        There's a strange dark blot in the lower left that spreads, ten minutes after unboxing.
        The USB port was pushed in when I got it, no plug fits.
        Not even bubble wrap! No wonder it's [broken|bust].
        The magnet of the cover came unglued in the bag. It's day one.
        What do I do with a dock that arrived in two halves?
        The seal was already open and the screen has fingerprints and a scuff. Was it somebody else's?
        I hear glass when I shake the carton. I don't dare to open it.
        The driver made me sign before I could look. Inside: a {device} bent like a banana.
        Buttons on the side are stuck in, they must have taken a blow in the post.
        It fell out of the parcel in bits. I'd like a whole one please.
        screen broken when i open the package, what to do
        The sleeve is fine, the tablet in it has a cracked back [panel|cover].
        The package has a hole in it the size of a fist and the {part} has one to match.
        Came DOA with a spider web on the display. I'd like a new one sent out, not a repair.
        I was so looking forward to it, and then pulled out a {device} with a chipped edge.
        Half of the pen tips in the pack are split, and the tin is squashed.
        """,
        """
        It arrived [damaged|broken].
        My order arrived damaged.
        The item was damaged when it arrived.
        I received a [damaged|broken] product.
        It was [broken|damaged] when I opened the box.
        I need a replacement because it arrived broken.
        The package was damaged in transit.
        It's damaged and I'd like a replacement.
        What do you do about items damaged in transport?
        Please replace the damaged [item|product].
        It came out of the box already broken.
        It's broken and I only just opened the box.
        What can I do about a damaged delivery?
        I want to report damage to my delivery.
        The product I received is damaged.
        """,
        """
        My {item} came {time}.
        I just opened {order}.
        The courier left the box {time}.
        I waited a long time for this {item}.
        The outer carton looked fine.
        It was delivered while I was out.
        I was very excited.
        The courier was in a hurry.
        I've only just cut the tape.
        I opened it carefully.
        """,
        """
        I took pictures.
        I haven't even switched it on.
        The order is {number}.
        I kept the packaging.
        I was going to use it this weekend.
        It wasn't me, I promise.
        """,
    ),
    "change_address": _intent(
        50,
        "where an order or future parcels should go",
        "change_email track_order",
        """
        I [moved|have moved]. Please send {order} to [my new place|the new flat] instead.
        I typed the wrong house number, can you [correct|fix] it before it ships?
        Can the parcel go to my [office|work] rather than home?
        How do I [update|change] the shipping address in my account?
        The autofill used my old street. {order} must not go there!
        I'll be at my [parents'|sister's] from {weekday}, is it possible to redirect the box?
        The postcode is missing [a digit|the last letter], everything else about the destination is correct.
        Please [deliver|send] to a pick-up point rather than to my door, I'm never in.
        You've got my flat as 3B and it's [8B|3D].
        We are relocating to {city} in {month} and our standing order for pen tips should follow us.
        It's going to the billing address, and I wanted it at the [delivery one|other one].
        I forgot to add the company name, without it the post won't [find|reach] us.
        I need the delivery details on {order} changed, we're in a hotel now.
        Could {carrier} leave it next door at number 12? How do I put that on the order?
        The destination says {country}. I live in {city}. Something went wrong in the form.
        Wrong recipient on the label: it should be in my wife's name, the doorbell has only hers.
        The site won't let me edit where it's sent once it's paid. Can you do it by hand?
        My building got a new street name {time} and your form doesn't know it.
        Our reception moved to the back entrance, Gate C. Please note this for [all|future] deliveries.
        I'd like to have it shipped to my holiday home, that's a different region, does it cost more?
        Old address still comes up at checkout, no matter how often I delete it.
        Please use the address from my last order and not the one I gave {time}.
        By the time it gets here I'll have left. Reroute it to {city}, please?
        It's a present, so it should go straight to {who} and not to me.
        need to change where u send my order i moved last month
        Is it a problem that I left out the floor? The courier never finds us without it. Please add: 4th.
        I gave a parcel locker but the {device} is too big for it, they tell me. Home delivery then.
        According to the confirmation I still live with my ex. I don't. Can you send it elsewhere?
        """,
        """
        I need to change the [delivery|shipping] address.
        Can I change the address on my order?
        Please change the delivery address for my order.
        How do I update my address?
        Please send it to [a different|my new] address.
        My shipping address is wrong, can you change it?
        The address on the order is wrong.
        Please correct the shipping address.
        I'd like it delivered to another address.
        I want it delivered to a different address.
        My address has changed.
        Could you update the address on my order?
        Can you deliver to another address?
        The delivery address has to be changed before it ships.
        I gave you the wrong delivery address.
        """,
        """
        I ordered a {item} {time}.
        {order} hasn't left yet, I think.
        We moved house {time}.
        I noticed a mistake in my order.
        I'm between two flats right now.
        I was too quick at checkout.
        It's my own mistake.
        There's a small problem with my order.
        Our doorbell doesn't work either.
        I won't be at home these days.
        """,
        """
        The order number is {number}.
        I'll give you the new one as soon as you reply.
        The old place is empty now.
        I hope it isn't packed yet.
        The name stays the same.
        Nobody there would take it in.
        """,
    ),
    "change_plan": _intent(
        47,
        "move between plans, seats or billing periods",
        "cancel_subscription pause_subscription",
        """
        I'd like to [upgrade|move up] from Plus to Studio, [how does that work|what do I have to press]?
        Can I [switch|change] from monthly to yearly [billing|payment]?
        I only need the [smaller|cheaper] tier. How do I step down?
        What's the difference in price if I go from {plan} to [the one above|the next one]?
        [Add two more seats|Please add three seats] to our Studio licence.
        My {who_noun} wants to join, so it should become a Family plan.
        We have ten licences and need only six from {month} on.
        I ran out of storage. Which package gives me more, and can I [take it|switch] mid-month?
        I'm a student now, can my normal plan [become|be turned into] the student one?
        Do I lose anything if I [downgrade|go down] to Plus? I don't use the shared folders.
        I took the annual one by mistake and would prefer to pay by the month.
        Put me on the big one please, I need the text conversion for [audio|whole notebooks].
        Is it possible to move from Family to a single plan? The kids have moved out.
        When I upgrade today, do I pay the full price or only the rest of the [month|period]?
        The team is growing. What do we have to do to get from 5 users to 12?
        I want to stay with you, just for less money. What else do you have below {plan}?
        I'm paying for Family, but all I'd need is what Plus offers.
        Could you merge our two Plus plans into one Family? We got married.
        I want version history, which my plan doesn't have. [Sign me up for the one that does.|Move me please.]
        From which date does the switch to {plan} take effect if I do it {time_soon}?
        The app only offers me upgrades. I'd like to go in the other direction.
        Can I try Studio for one month and then return to {plan}?
        We'd like to turn our five private plans into one company contract.
        Change my billing cycle to quarterly if there is such a thing.
        want to go from family to plus how
        Please swap my {plan} for the offline edition that you announced, I pay more than I use.
        My subscription stays, but I want the one without the audio extras.
        What would it cost to give every teacher at our school the level that I have?
        """,
        """
        I'd like to change my plan.
        How do I switch to a different plan?
        Can I change to another plan?
        I want to [change|adjust] my plan.
        Please switch me to [the other|the {plan}] plan.
        How can I upgrade or downgrade my subscription?
        Can I switch plans [right now|in the middle of the month]?
        I'd like to move to a different subscription.
        I'd like to switch my subscription to a different plan.
        What does it cost to switch plans?
        Please change our subscription accordingly.
        Please change my plan for me.
        Could you move us to another plan?
        How do I move to another tier?
        Which of your plans would [suit me better|be the right one]?
        """,
        """
        I'm on {plan} at the moment.
        We've been using {plan} since {month}.
        I was looking at your price page.
        My needs have changed.
        I pay for {plan} by the month.
        There are four of us here.
        We've outgrown what we have.
        I've compared your packages.
        I don't use everything I pay for.
        I like the service as such.
        """,
        """
        I couldn't find it in the settings.
        I don't want to lose my notes over it.
        The next bill is on the [5th|18th|25th].
        It doesn't have to be today.
        I'd like to know the price first.
        I'm the owner of the account.
        """,
    ),
    "invoice_request": _intent(
        44,
        "needs an invoice, receipt or a correction of one",
        "unknown_charge",
        """
        I need [an invoice|a proper invoice] for {order}, [my employer|the tax office] wants one.
        Could you send me the receipt for my {device} again?
        Our VAT number is missing on the bill. [Please reissue it.|Can you add it?]
        Where can I download [the invoices|all receipts] of the past year?
        Please make the bill out to [our company|my business] instead of me privately.
        I need something on paper that shows I paid {amount} in {month}.
        The PDF attached to the confirmation is [empty|zero bytes].
        My accountant [needs|is after] a document with your tax ID and a date.
        For my expense claim I need the cost of tablet and plan on [separate lines|two documents].
        [Can you invoice|Is it possible to be invoiced] before payment? Our purchasing won't use cards.
        The invoice says {country}, but we're registered in {city}. It must be corrected for our books.
        I didn't get any [paperwork|document] with my parcel.
        I'm doing my taxes and miss the one from {month}.
        Could all future bills go to our accounts department instead of to me?
        We require a purchase order reference on the document, otherwise it can't be booked.
        I'd like the receipt in [English|German], our auditor reads nothing else.
        A pro forma for 15 tablets, please, so that I can get the budget approved.
        The total on the document and the one on my card differ by shipping, please send a corrected copy.
        Insurance wants proof of purchase for the stolen {device}. Can you provide one?
        For warranty I'm told to keep the bill. What bill? I was never sent one.
        Bought it at 23:58 on New Year's Eve. On which year's tax papers will that be?
        Every month I have to ask for the {plan} invoice. Can't it come by itself?
        Is the confirmation mail a valid tax document or will I get another one?
        The name on it has a typo, so our bookkeeping sends it back to me. A corrected one please.
        pls send bill for {order} i need it for work
        I paid reverse charge and there's still tax on the paper. It needs to be redone without.
        Do you keep copies? Mine went down with my hard disk and the revenue service is asking.
        We need the documents for all 12 tablets in one file rather than 12 mails.
        """,
        """
        Please send me an invoice.
        I need an invoice for [my order|my purchase].
        Can you send me the invoice as a PDF?
        Where can I download my invoice?
        Could you email me the [receipt|invoice] again?
        I need a receipt or invoice for my purchase.
        I need a receipt for my [company|taxes|records].
        Please correct the invoice.
        Could I get a corrected invoice?
        I haven't received an invoice.
        How do I get an invoice with VAT?
        I can't find the invoice for my order.
        It's the invoice that I'm missing.
        Could you issue an invoice to my company?
        Please email the invoice to our accounting.
        """,
        """
        I bought a {item} in {month}.
        This is about {order}.
        I'm self-employed.
        I bought the {device} for work.
        Our bookkeeping is closing the month.
        We paid {amount} in {month}.
        My tax adviser is chasing me.
        We're a small firm.
        It's that time of the year.
        I keep all my papers in a folder.
        """,
        """
        A PDF is fine.
        The order was {number}.
        I need it by {weekday}.
        I couldn't find it in my account.
        The amount was {amount}.
        It's for last year's taxes.
        """,
    ),
    "pause_subscription": _intent(
        42,
        "stop the plan for a while and come back",
        "cancel_subscription change_plan",
        """
        Can I [pause|freeze] my {plan} plan for [two|three] months?
        I'll be [travelling|at sea] until {month} and won't use it; can it rest until then?
        [Put|Please put] my subscription on hold, I'm [on maternity leave|in hospital].
        I don't want to leave, I only need a break [over the summer|until {month}].
        Is there a way to skip [a month|the next payment] and carry on afterwards?
        Money is tight right now. Could we stop the payments for a while, and resume in {month}?
        My {device} is in for repair. Surely I needn't pay for the plan while [you have it|it's with you]?
        I only teach from September to June. How do I [suspend|interrupt] the plan in between?
        Could you hold off billing me until I'm back from {country}?
        What happens to my notes if I take some months off? I'd be back in {month}.
        Snooze my membership please. [Back in {month}.|I'll come back.]
        We've got a seasonal business: can the six Studio seats sleep during winter?
        I paused it in spring and would like the same again, until [{month}|the end of {month}].
        I'm between jobs. I'd prefer to leave {plan} dormant rather than lose it.
        The page only offers "end plan". I'm looking for "see you in a [few months|quarter]".
        How long can a plan be put on ice at most, and does my price stay the same when I return?
        Off to military service for half a year. No tablets allowed. Can the plan wait for me?
        I broke my right wrist, no writing for eight weeks. Any chance of not paying for those?
        Please don't close anything. Just no charges from now until I give you a shout.
        Is it possible to make {month} and the month after it free of charge and inactive? I'm on a sabbatical.
        I'd like to take time out from {plan}. Temporarily!
        During the exam break nobody in our class uses it. Can it be stopped in {month} and restarted by itself?
        can u stop my plan for 2 month i come back after
        My break was meant to last until {month} and you've started billing again already. Please extend it.
        I heard from {who} that you can hibernate a plan. How do I do that with mine?
        Would you keep my {plan} on standby? The baby is due any day and I'll be back when I've slept.
        The plan is great, but from now to {month} I'm on an oil rig without internet.
        I'll stay a customer, though for the next eight weeks I'd like to be one that pays nothing.
        """,
        """
        I'd like to pause my subscription.
        Can I put my subscription on hold?
        How do I pause my subscription for a few months?
        Please pause my plan [for now|until {month}].
        Is it possible to pause the subscription?
        I'd like to put my plan on pause until {month}.
        I don't want to cancel, just pause.
        Could you pause my {plan} subscription?
        Can my plan be paused for a while?
        I want to take a break from my subscription.
        Can I suspend the subscription temporarily?
        Please put my subscription on hold for now.
        How can I pause the payments?
        I'd like to pause rather than cancel.
        Please let me pause my plan and resume it later.
        """,
        """
        I've been on {plan} for a while.
        I'm going away {time_soon}.
        I like {plan} and want to keep it.
        My situation has changed a bit.
        I won't be using the {device} for some time.
        The next payment is on the [6th|13th|24th].
        I'll be gone for a while.
        Life is a bit upside down just now.
        I don't need it every month.
        I've got a long project elsewhere.
        """,
        """
        I'd be back in {month}.
        I don't want to lose my price.
        My notes should stay where they are.
        I couldn't find such an option.
        Two or three months would be enough.
        I'll certainly be back.
        """,
    ),
    "pairing_problem": _intent(
        40,
        "first set-up, WiFi, Bluetooth, pen or phone will not connect",
        "sync_problem",
        """
        My {device} [can't find|doesn't see] my WiFi.
        The pen [won't pair|doesn't connect], it blinks blue and then [gives up|goes out].
        I'm stuck on the [welcome|first] screen where it wants me to scan a code with my phone.
        The set-up stops at step [three|four], "searching for tablet".
        Bluetooth on my {os} shows the tablet as "unknown device" and [drops it|disconnects] after a second.
        How do I [connect|join] it to a hotel network with one of those login pages?
        The six-digit pairing number on my phone and the one on the tablet [are different|never match].
        I press hard, I press soft, the pen [writes nothing|leaves no line] on the new tablet.
        We have a hidden network at work. Where do I [enter|type] its name?
        Wrong WiFi key, it says. It's the same key for the [toaster|TV] and that works.
        I got a second pen. How do I make the tablet listen to that one?
        I bought it used, and it insists on the phone of the [old|previous] owner.
        It asks to be activated on a computer. I plug it in and the computer doesn't [notice|see it].
        The keyboard case is not being picked up by the {device}. No popup, nothing.
        My router has 5 GHz only. Does your tablet need the other one? It doesn't list mine.
        It's brand new and I can't get past choosing a language, the arrow is dead.
        The phone app says "bring the device closer". They're lying on top of each other.
        Our school's WiFi wants a certificate and a user name. Where does one put that on a {device}?
        The right-click button on my Nib does nothing since I linked it to a second tablet.
        It drops off the network whenever I leave the study and won't join again by itself.
        Which phone do I need for the first start? My old one can't run your app.
        The link between my hearing aids and the {device} breaks as soon as the pen is on.
        how to connect pen to tablet it dont work
        Forgot the device in Bluetooth as your guide says and now neither of them can see the other.
        The QR code for the set-up is so small that no phone in this family can read it.
        It connects, says hello, and disconnects, all evening long. New pen, new tablet.
        I changed my router {time} and the {device} is still looking for the old one.
        The drawing shows a hole for a SIM, I see none. How does it go online, then?
        """,
        """
        It won't connect [to the WiFi|to my phone].
        How do I pair the pen?
        How do I connect my tablet to the WiFi?
        The Bluetooth [connection|pairing] doesn't work.
        I can't get it to connect.
        I can't pair it and the setup doesn't finish.
        The setup doesn't work.
        The tablet won't connect to my network.
        The pairing fails every time I try to connect.
        I can't pair my pen with the tablet.
        What do I do if the pairing fails?
        My tablet does not connect to WiFi or Bluetooth.
        I need help with the [setup|pairing|connection].
        How do I finish the setup?
        Please help me set up and connect the tablet.
        """,
        """
        I just unpacked my {device}.
        I got a new router {time}.
        My Nib is brand new.
        I'm setting up a {device} for {who}.
        I'm following the little booklet.
        We have an ordinary home network.
        I can't even get started.
        It should be a matter of minutes.
        The box says it's easy.
        I've had it out of the box for an hour.
        """,
        """
        My {os} connects without trouble.
        I've restarted everything twice.
        I'm sitting right next to the router.
        The pen is charged.
        I'm not a technical person.
        I did every step in your guide.
        """,
    ),
    "login_code": _intent(
        38,
        "the one-time code for signing in does not come or is refused",
        "reset_password",
        """
        I never [get|receive] the SMS with the [login code|six digits].
        The verification code [arrives|shows up] after it has already [expired|run out].
        I [lost|broke] my phone and with it the authenticator app. How do I sign in now?
        It says the code is wrong, but I'm [copying|typing] it exactly as it came.
        My password is accepted and then it wants a number that [never comes|isn't sent].
        I changed my [phone number|SIM card] and the confirmation goes to the old one.
        Two-step login: I used up all of my backup [numbers|codes].
        Could you turn off the second factor for me? [I'm locked out by it.|I can't pass it.]
        Every login needs a code from an email that lands in nobody's inbox.
        I'm abroad and can't get texts from you here, is there some other way of proving that it's me?
        The app on my old phone still shows the codes. How do I move it to the [new|{os}] one?
        Resend, resend, resend. [Nothing.|No text.] I know my password by heart, it's not that.
        The text came from a number I don't know and at 4 am. I didn't try to log in. Is it real?
        Is there a way to have the code called to my landline? I have no mobile.
        The box for the digits takes five and you send six.
        My sign-in codes go to the phone of {who}, who set everything up for me. I'd like to get them.
        The authenticator says one thing, your page says "invalid", and my clock is right.
        You say that you've texted me. You haven't. Is my number right in your system?
        I had to reset my phone and the little app with the changing numbers is now empty.
        The security key that I use for everything else isn't recognised on your sign-in page.
        I want to stop having to type a number each time, this is my own living room.
        The push "was it you?" never pops up, so I can't say yes.
        i dont recive code on my phone to enter
        It asks for the code on the tablet I am trying to unlock. That's a bit of a circle.
        "Too many codes requested." Well, none of them came.
        Your codes are blocked by my provider as spam. Could you send them by mail in future?
        Where do I find new recovery codes? I printed the old ones and the printout is gone.
        Four numbers came in four messages and they were all refused, in whatever order.
        """,
        """
        I don't get the [verification|login] code.
        The verification code never arrives.
        I'm not receiving the verification code when I log in.
        The code I was sent doesn't work.
        I can't log in without the verification code.
        How can I log in without the code on my phone?
        My authenticator code isn't accepted.
        How do I get a new login code?
        I have a problem with the two-factor code.
        Please help me with two-factor login.
        I need to log in but no code is sent.
        Please send the verification code another way.
        Can you turn off two-factor authentication?
        Where are my verification codes going?
        My two-step verification code doesn't come through.
        """,
        """
        I'm trying to sign in on my {os}.
        I switched on two-step login in {month}.
        I've got a new phone since {lately}.
        My password is fine.
        I'm travelling in {country}.
        Logging in used to be easy.
        I'm stuck at the second step.
        I typed my password correctly.
        Your security is a bit too good.
        I've waited and waited.
        """,
        """
        My phone gets other texts.
        I waited for an hour.
        I checked the junk folder as well.
        I have my ID here if you need proof.
        The signal is good here.
        I need my notes today.
        """,
    ),
    "update_payment_method": _intent(
        36,
        "put another card or account on file",
        "payment_declined change_plan",
        """
        My card [expires|runs out] in {month}, how do I [give you|enter] the new one?
        I'd like to pay by [PayPal|direct debit] from now on instead of by card.
        Please remove my old [Visa|credit card] from the account.
        The bank sent me a [new|replacement] card. Where do I put in the number?
        We changed banks, the {plan} fee should come from [the other account|our new account].
        I want the plan to be paid with the company card rather than [mine|my private one].
        Can I have two cards on file and choose which one [is used|pays]?
        My wallet was stolen and all cards are blocked. I need to tell you other payment data before the [1st|15th].
        There's no "edit" next to my card, [only "remove"|just a dustbin], and that is greyed out.
        My ex's card is still on our account. It should be mine.
        How can I switch from invoice to automatic [debit|collection]?
        Same card, new expiry date. Do I have to type everything in again?
        I don't want to leave my details online. Can I pay the year by bank transfer?
        You keep trying the card that I replaced {time}. Please use the second one.
        Where does one enter an IBAN? The form only knows card numbers.
        I'd like the {plan} charges to go on Apple Pay in future.
        The default is set to a gift card with nothing on it. I'd like my Mastercard to be first.
        From next month {who} pays. How do I hand over the paying part without handing over my notes?
        Billing still shows digits of a card I cut up two years ago, and I can't find where to swap them.
        Please charge future orders to the account ending in 88, not the one ending in 31.
        It needs my new surname on the payment details, I got married and the card was reissued.
        Our finance team wants to move from single cards to one central account for all seats.
        new card how do i change it in app
        Is it safe to send you my card number by mail, or how else can I update it?
        I clicked on "change" on the billing page and it takes me to an empty form that won't save.
        Do you take SEPA? I'm giving up my credit card.
        """,
        """
        I need to update my payment method.
        How do I change the card on my account?
        How do I update my credit card details?
        I want to change my payment details.
        I'd like to use a different card for my subscription.
        I'd like to change the payment method for my plan.
        Please update my card details.
        Can I change my payment method?
        Where can I enter a new card?
        How can I add a new card?
        Where do I update my credit card?
        My payment details need to be updated.
        I'd like to replace the card you have on file.
        I want to pay with a new card from now on.
        Can you change my billing details to the new card?
        """,
        """
        I pay for {plan} every month.
        I got a letter from my bank {time}.
        Nothing has gone wrong so far.
        My account with you is from {month}.
        I was on the billing page {time}.
        The next debit is on the [7th|16th|27th].
        I want to keep things in order.
        It's only a formality.
        I've switched banks.
        I'm tidying up my accounts.
        """,
        """
        The plan itself should go on.
        I'd like to do it before the next bill.
        I couldn't find it in the app.
        The old one is no longer valid.
        I'm not going to send it by mail.
        Everything else stays as it is.
        """,
    ),
    "missing_item": _intent(
        35,
        "the parcel came, but not everything was in it",
        "wrong_item late_delivery",
        """
        The parcel came but the {part} [wasn't in it|is missing].
        I ordered two and [got|there was only] one.
        The box was [light|half empty]: a {device}, no charger, no pen.
        Where are the pen tips that should be [included|in the set]?
        Delivered, says the mail. Yes, the [carton|sleeve]. The tablet that belongs in it was not there.
        My order had four [things|positions], three arrived, and the slip claims that [all|four] are inside.
        I turned the whole carton upside down and there's no [cable|pen] anywhere.
        The bundle was advertised with a cover. Mine [came|arrived] without.
        Somebody forgot to pack the {part}.
        The seal had been cut and the {part} gone. Was it taken on the way?
        I paid for engraving and a gift bag. No engraving on it and no bag [inside|either].
        The set for left-handers should have a second grip, and there's just an empty hollow in the foam.
        Only [nine|eleven] of our twelve units were on the pallet.
        No manual, no QR card, no warranty slip. Is that how it's supposed to be?
        Everything's there except for what I really wanted, the {part}.
        According to the packing list there's a {part} in here. I disagree with the list.
        A tablet without the cable it needs is a nice tray. Please send the cable.
        The freebie that you promised with the {device} didn't come along.
        I've signed for two boxes, and in the second there was paper. Just paper.
        Is the {part} coming in another parcel? It wasn't with the rest and the order is marked complete.
        got my order but no pen inside
        The pack says ten tips, I count seven.
        You've sent me a very elegant, very empty box.
        The power adapter for my country was left out.
        I'm short of one {part}. The rest of {order} is fine, thank you.
        There should have been a spare nib under the lid, shouldn't there?
        """,
        """
        Something is missing from my order.
        There's an item missing [from|in] my parcel.
        Part of my order is missing from the box.
        My order is incomplete.
        Not everything was in the [box|package].
        The package is missing something I ordered.
        Please send me the missing [item|part].
        An item was missing from the box.
        My parcel arrived incomplete, an item is missing.
        The package arrived without everything I ordered.
        One item is missing.
        Please send the missing item from my order.
        I only received part of my order.
        The box was missing something.
        What happens about the missing item in the box?
        """,
        """
        My parcel came {time}.
        I just unpacked {order}.
        I ordered a {device} and a {part}.
        The delivery from {carrier} is here.
        I checked the contents against the slip.
        We received our order {time}.
        I was happy to see the courier.
        I've counted twice.
        It was a big box.
        We checked it with two people.
        """,
        """
        The order is {number}.
        I looked in all the packing paper.
        It's on the bill, though.
        The box was closed properly.
        Please send it on.
        I paid for all of it.
        """,
    ),
    "change_email": _intent(
        34,
        "another e-mail address for the account",
        "reset_password change_address",
        """
        How do I [change|update] the email address of my account?
        I'm losing my [university|school] address in {month}. Can my login be moved to my private one?
        I [made|have] a typo in my email when I signed up, so nothing from you [reaches me|gets through].
        All your mails go to my old work inbox. [I left that job.|I no longer work there.]
        I want to sign in with a different mail from now on, same notes.
        My provider is closing down, so I need to give you another [address|mailbox] before the end of {month}.
        Please swap the contact mail on our [company|team] account; the colleague who used it [left|retired].
        The account page shows my mail in grey and [I can't edit it|there's no pencil next to it].
        I have two accounts with two addresses by mistake. Can both be put under [one|the newer one]?
        I tried to put in my new mail and it says "already in use". By me, in another life!
        You sent a confirmation to the old mailbox for switching to the new one. I can't open the old one.
        I got married, so new name, new mailbox. How do I tell your system?
        Messages from you should reach my assistant and not me. Where do I set another recipient?
        Hotmail is eating everything you send. I'd rather use my other one.
        Can I have a login without my full name in it? I made a new mailbox for that purpose.
        My address has a dot that yours is missing. It needs to be put right, or else I'll never get your mails.
        I used Sign in with Apple and have that weird hidden relay thing. I'd like my proper one there.
        The domain of our firm changes on {weekday}. 14 users need their logins renamed, is there a quick way?
        Password is known, mailbox is gone. So I want the account to hang on another mailbox.
        I no longer have access to the inbox I registered with. What now?
        want to use other mail for my acount
        Is it possible to have the bills sent to one inbox and use another for signing in?
        I changed it in the app, but the newsletter and notices still go to the former one.
        My {who_noun} set up my tablet with a mail that isn't mine. I'd like mine to be there instead.
        I can't receive your notices, my inbox from that time was hacked and I abandoned it.
        What do you need from me to attach my account to a fresh mailbox?
        """,
        """
        I need to change my email address.
        How do I change the email on my account?
        I'd like to update the email address on my account.
        Can you change my email address?
        I want to use a new email address.
        How can I change the email I log in with?
        Please update my email address.
        I'd like another email for my account.
        Please replace my old email address with the new one.
        My email address has changed.
        Can I log in with a different email?
        Can you switch my account to my new email?
        The email on my account is [old|wrong].
        I no longer use that email address.
        I'd like a different email address on my account.
        """,
        """
        I'm logged in on my {os}.
        I opened my account in {month}.
        My login works at the moment.
        I'm leaving my job {time_soon}.
        I have a new provider since {month}.
        I looked through the profile page.
        I'm sorting out my online life.
        It's only a small thing.
        My mailbox situation has changed.
        I created the account ages ago.
        """,
        """
        My notes must stay as they are.
        I still know my password.
        I can prove that it's mine.
        The old one closes soon.
        I'd do it myself if I found the place.
        Both of them belong to me.
        """,
    ),
    "wrong_item": _intent(
        33,
        "something else came than what was ordered",
        "missing_item return_item",
        """
        I ordered the Wren 10 and [got|received] the Wren 7.
        This isn't [what I ordered|mine]. I was expecting a {part}.
        You've sent me the [grey|green] one although I [picked|chose] blue.
        There's somebody else's [order|name] in my box.
        The cover is for the [Pro|other model], mine is the smaller one, and the order says so too.
        I got a dog lead. From you. Instead of a {part}.
        The engraving says "[Happy retirement Dad|To the best aunt]". I'd asked for my initials.
        Left-handed pen instead of a right-handed one, [please sort it out|what now].
        The plug is for another country, I'd picked the [EU|UK] one.
        Your packers must have mixed up two parcels, the slip matches but the {item} doesn't.
        It says Pro on the outside of the box and a plain 7 is in it.
        We asked for twelve tablets and received twelve [docks|covers].
        Two pens instead of a pen and a cover. I don't need two pens.
        I'm holding a {device} that I never bought. My own order was a [sleeve|pack of tips].
        The keyboard layout is [French|Swedish], I ordered the English one.
        Nice cover, but it's vegan leather and I paid for the real one.
        I believe that the customer in {city} is now unpacking my {device}, because I have theirs.
        The item number on the bag is one off from the one on my order.
        You replaced it with a "similar article" without asking. I'd like the one I chose.
        got wrong colour, i ask for black
        What arrived is last year's model, in the shop it was the new one.
        32 GB in the menu, 32 GB on the bill, 16 GB in my hand.
        The exchange went wrong as well: for the second time it's the large sleeve, and I need the small one.
        A very nice kettle turned up in an Inkwren carton. I don't think that you sell kettles?
        The refill tips are the hard ones, I'd clicked on soft.
        Can I keep what you've sent by mistake, or do you want it back before you send the right one?
        """,
        """
        I received the wrong item.
        You sent me the wrong [product|item].
        This is not the item I ordered.
        I got something different from what I ordered.
        The wrong product was in my package.
        You sent the wrong one, please send the item I ordered.
        This isn't what I ordered.
        I got the wrong [one|model|version].
        I received something else than what I ordered.
        Please send me the correct item.
        You delivered the wrong product.
        The item I received is the wrong one.
        My order contained the wrong item.
        I ordered something else.
        Why did I receive a different product?
        """,
        """
        My parcel came {time}.
        I just opened {order}.
        The delivery arrived {time}.
        I'd been looking forward to my {item}.
        I compared it with the confirmation.
        {carrier} rang this morning.
        There must have been a mix-up.
        I was surprised.
        It's a nice thing, only not mine.
        I checked what I clicked on.
        """,
        """
        The order is {number}.
        The confirmation mail has it right.
        I haven't unpacked it any further.
        I can send you a picture.
        Please send the right one.
        The label on the box has my name.
        """,
    ),
    "stock_question": _intent(
        31,
        "is it available, when will it be back, can it be reserved",
        "track_order",
        """
        When will the {device} be back [in stock|on sale]?
        The {part} is [sold out|greyed out], do you know when there'll be more?
        Do you still [sell|make] the tips for the first Nib?
        Is the {item} [available|sold] in {country}?
        Can I [reserve|put my name down for] a {device} in green?
        Is there a shop in {city} that has one on display? I'd like to [hold|try] it first.
        How many do you have left? We'd need [thirty|fourteen] for a school.
        Will there be a new model before the [autumn|summer], or can I safely buy now?
        The button says "notify me" and I've been waiting for that mail since {month}.
        Does the Pro come in [left-handed|white]? I don't see it in the list.
        I'd like to buy a second {part}, but the page has disappeared. Is it discontinued?
        What's your delivery time for something that's marked "on backorder"? I haven't ordered yet.
        Are refurbished ones ever [on offer|sold]? The outlet page is blank.
        Could you tell me if you're getting more of the red ones [in|before Christmas]?
        Which shops carry your tablets in {country}? I don't like buying online.
        I need it by {weekday}. Is anything at all in your warehouse at the moment?
        Everything is crossed out in the shop. Are you going out of business?
        Does the current cover fit the next tablet, and when does that one come out?
        My {who_noun} wants a yellow {part} and all I find is black. Will there be others?
        do u have wren 7 now or no
        Is there a waiting list for the {device}? If so please put me on it.
        I saw the limited one at the fair, never online. How does one get hold of it?
        Can I get just the glass for the front as a spare part from you?
        Before I order: do you have 20 pieces ready to go?
        """,
        """
        Is it [available|in stock]?
        When will it be back in stock?
        Do you know when it is available again?
        Do you have it in stock?
        Is this product still available?
        When can I buy it, is it in stock again?
        When will you have more in stock?
        It's out of stock at the moment.
        Is it sold out or will more be available?
        I'd like to know if you have any in stock.
        Will it be available again soon?
        Do you have any left in stock?
        It says sold out on your site.
        Could you check the availability?
        When is that model available to buy?
        """,
        """
        I'd like to buy a {item}.
        I've been looking at your shop.
        I'm choosing a present for {who}.
        We're thinking of getting a {device}.
        I check your page every week.
        I'd order one right away.
        I've set my heart on it.
        I've saved up for this.
        It's for a present.
        I've been on your site all morning.
        """,
        """
        I'm in no hurry.
        I'd buy it today.
        I couldn't find it on the site.
        I'm in {country} if that matters.
        The black one would do as well.
        The other colours don't appeal to me.
        """,
    ),
    "discount_code": _intent(
        30,
        "vouchers, codes and special prices",
        "payment_declined",
        """
        My code [WREN10|SPRING15|HELLO20] [doesn't work|is refused] at checkout.
        I forgot to enter my [voucher|coupon], can you [still apply|deduct] it afterwards?
        Do you have a discount for [students|teachers|nurses]?
        The newsletter promised ten percent off and [there's no code in it|the code is invalid].
        Where do I type in a [gift card|voucher]? There's no box for it.
        "Code cannot be combined." With what? I haven't got [anything else|any other].
        It took off 5 although the leaflet says [15|20].
        Is there any special price if we take [ten|25] at once?
        My birthday coupon ran out {time}, before I'd even read the mail. Could you [extend|renew] it?
        A friend recommended you, so we should each get something off. How?
        I only saw today that it's on sale. I bought it {time}. Can I get the lower price?
        Will there be a Black Friday offer? I can wait.
        The influencer's link gave me the normal price, though she said twenty less.
        I have a {amount} gift card from {who}, and your shop calls it unknown.
        It's my third tablet from you. Is there something for loyal customers?
        When I go to the last step, my reduction vanishes and the full amount is back.
        We're a charity. Do you have a rate for that?
        The promo ends at midnight, and it's 11 pm and the field says "expired" already. Time zones?
        Can the trade-in bonus for my old e-reader be used together with the student price?
        i have coupon but where to put
        My code contains either a zero or an O, and I've tried both.
        I earned 400 points, says the app. What can I do with those at the till?
        The free cover that goes with the promotion isn't being added to my basket.
        Is it one use per person? {who_cap} used ours and I'm being refused now.
        """,
        """
        My discount code doesn't work.
        How do I use my discount code?
        The discount code isn't accepted.
        Do you offer a discount?
        The code was not applied to my order.
        Can I get a discount?
        Where do I enter the discount code?
        Can I still get the discount?
        Can you apply the discount for me?
        The coupon code is rejected as invalid.
        My voucher code isn't working.
        Why doesn't the promo code give me a discount?
        The discount wasn't taken off the price.
        Could you send me a discount code?
        Is there a discount code I could use?
        """,
        """
        I'm about to buy a {item}.
        I've got {amount} worth of things in the basket.
        I got your newsletter {time}.
        I'm a student in {city}.
        I signed up for the mailing list in {month}.
        I've been a customer for three years.
        I don't usually ask for this.
        I've heard there are offers.
        I nearly paid the full price.
        Every bit helps.
        """,
        """
        I haven't paid yet.
        It's valid until {weekday}, it says.
        I copied it letter by letter.
        The basket is over the minimum.
        I'd order straight away then.
        I've tried it on my phone too.
        """,
    ),
    "warranty_question": _intent(
        29,
        "how long and for what the guarantee holds; who pays for a repair",
        "damaged_item return_item",
        """
        How long is the [warranty|guarantee] on a {device}?
        Is a [cracked screen|broken hinge] covered if I dropped it myself?
        I bought mine second-hand, does the guarantee [pass on|still hold] for me?
        My tablet is [two years and a week|25 months] old and it's failing. Will you still repair it?
        What does a repair cost [outside|after] the two years?
        Do I lose my cover if I let a [local shop|friend] open it?
        Can I buy an [extended|additional] warranty after the purchase?
        Coffee got into it. I know, I know. Is there any protection for [that|spills]?
        I've registered the serial and it says "coverage unknown". What does that mean?
        How do I make a claim? It's [five|eleven] months old and the light has failed.
        Are worn-out pen tips a case for you or are they [mine to pay|consumables]?
        Does it hold in {country} as well, where I live now?
        You replaced my {device} in {month}. Does the clock start again with the new one?
        I haven't got the receipt any more. Is the date on the back of the case enough for you?
        Do you repair them or do I get a new one when something breaks within the time?
        My {who_noun} sat on it. Is there insurance for such cases?
        The yellowing of the cover: is that wear, or something you stand in for?
        Where is the nearest place that fixes them under guarantee? I'd prefer not to post it.
        Is water from a rainy day counted as my own fault under your terms?
        how long garantie for the pen
        In my country the law gives three years. Your leaflet says two. Which one counts?
        I need to know whether I'm still covered before I go and pay a repair man.
        A year and a half in, a pixel row has gone. On whose bill would that be?
        Would the repair of my first repair be free of charge?
        """,
        """
        Is that covered by the warranty?
        How long does the warranty last?
        Is this still under warranty?
        Does the warranty cover this?
        What does the warranty cover?
        Will the warranty pay for the repair?
        Is my tablet still under warranty?
        Would the repair be covered?
        Do I have to pay for the repair or is it under warranty?
        I have a question about the warranty.
        Can I have it repaired under warranty?
        How does the warranty work in my case?
        I'd like to make a warranty claim.
        What would a repair cost me?
        Does your warranty cover a repair here?
        """,
        """
        I've had my {device} since {month}.
        I bought a {item} {time}.
        I'm thinking of buying a {device}.
        I read the small print.
        My {device} needs fixing.
        I keep my papers in order normally.
        I want to be sure of my rights.
        It's not urgent.
        I take good care of my things.
        It may just have been bad luck.
        """,
        """
        I've still got the receipt.
        I want to know before I send it in.
        The serial number is on the back, I guess.
        I'd be glad of a straight answer.
        It was bought from you directly.
        I couldn't find it in the terms.
        """,
    ),
    "delete_account": _intent(
        28,
        "erase the account and the data in it",
        "cancel_subscription",
        """
        Please [delete|erase] my account and [everything in it|all of my data].
        I want to be forgotten. [GDPR article 17.|You know the law.]
        How do I [remove|wipe] my profile for good? Signing out is not what I mean.
        I don't use Inkwren any more and don't want my notes [lying on|left on] your servers.
        There's an old profile of mine from a trial, [can you get rid of it?|please take it down.]
        My {who_noun} has died. We'd like his [profile|account] and notebooks to be removed.
        Which of my data do you [keep|still have]? Whatever it is, I'd like it gone.
        I've cancelled the plan long ago, but my [login|profile] still exists. It shouldn't.
        Close it all down: login, notebooks, backups, [newsletter|mailing list], the lot.
        I sold my tablet and want no trace of me [on it or with you|left anywhere].
        Is my handwriting used to train anything? In any case, purge my [pages|uploads].
        The delete button wants a reason, and whichever I choose [nothing happens|I get an error].
        I opened the account when I was fourteen. I'd like it not to exist now.
        My employer requires that I take all of our files off third party clouds and close the access.
        After the breach in the news I don't want you to hold anything about me.
        Under data protection law I ask you to destroy all records regarding my person and confirm it.
        Two profiles exist for me. The one without orders can be thrown away, with its contents.
        If I end my membership here, are the scanned diaries really gone? I want them to be. All of them.
        I regret having signed up. Undo me please.
        delete me from your sistem please
        How long until my notebooks are really off your machines after I press remove? It's been {weeks}.
        It isn't about the money or the plan, I'm free anyway. I want my existence at Inkwren to end.
        Take my name, my pages and my address out of your database.
        I want to leave without leaving anything behind. How does that work with you?
        """,
        """
        Please delete my account.
        I want to delete my account and all my data.
        How do I delete my account permanently?
        Can you delete my account?
        Please remove all my personal data.
        Please erase my account and personal data.
        I'd like my account deleted permanently.
        How can I have all of my data deleted?
        I want my account and my data to be deleted.
        Delete my account and my personal data.
        I request the deletion of my account.
        Delete all the data you have about me.
        Where can I delete my account?
        Please erase all of my data from your servers.
        Could you permanently delete my account?
        """,
        """
        I don't use my {device} any longer.
        I signed up in {month}.
        I've thought about this for a while.
        I've saved my notes elsewhere.
        I no longer own any of your products.
        I read about your data policy.
        I'm leaving.
        I'm tidying up my online traces.
        It has nothing to do with the product.
        I've asked once before.
        """,
        """
        Please confirm when it's done.
        I've made copies of what I need.
        I know that it can't be undone.
        There's no open order.
        I couldn't find it in the settings.
        That includes the backups.
        """,
    ),
    "feature_request": _intent(
        27,
        "an idea or a wish for the product",
        "sync_problem change_plan",
        """
        It would be [great|lovely] if I could write in [colour|two colours].
        Could you add a [dark mode|night mode] to the desktop app?
        Please think about supporting [Greek|Vietnamese|Hebrew] handwriting.
        I'd love to be able to [lock|hide] single notebooks with a PIN.
        Are there plans for a [calendar|to-do list] that lives on the lock screen?
        Why is there no undo with two fingers? Every [other|drawing] app has that.
        A suggestion: let us sort notebooks [by hand|by colour] rather than just by date.
        As a violinist I need a pedal for turning pages. Any chance of that [some day|in an update]?
        I wish the eraser on the pen could be set to erase [whole lines|a whole word].
        Could the next version read my notes aloud while I'm driving?
        You should make a cover with a pen loop on the left, there are [many|a lot] of us.
        Something that I miss from paper: folding down the corner of a page.
        Have you considered sending notes to [a printer|Notion|my calendar] with one tap?
        Has anyone asked for squared paper with 4 mm yet? If not, I'm the first.
        Would it be hard to show the word count? I'm writing a novel on this thing.
        Not a complaint, I just think that a search across all handwriting would change my life.
        If you ever do a waterproof one, field biologists will queue up.
        The table tool should let me add a row in between. Put it on your list, please.
        I'd pay for a version which is twice as large, A3, for architects.
        pls make widget for phone so i see my list fast
        My pupils would profit from a class mode where I can see who is done.
        Do you take ideas? Mine is to let the pen remember a different width per notebook.
        Maps! Offline maps that one can draw on for hiking.
        It'd be handy to have the page number shown while flipping.
        """,
        """
        Could you add this feature?
        I have a feature request.
        It would be great if you could add this feature.
        I'd like to suggest a new feature.
        Please add this in a future update.
        Would you consider adding that in an update?
        It would be nice to have that in the app.
        Are you planning to add something like this?
        This would be a useful feature to add.
        A feature that I would love to see.
        Please consider adding it as an option.
        I wish the app had this feature.
        I have a suggestion for the app.
        It would be a great addition to the next update.
        I'd love to see that option added.
        """,
        """
        I use my {device} every day.
        I've been on {plan} since {month}.
        I'm a big fan of the {device}.
        I work as a [nurse|translator|surveyor|teacher].
        I had a thought {time}.
        Great product overall.
        I'm very happy with it otherwise.
        I've got an idea.
        I'm sure that you get many wishes.
        I draw and write a lot.
        """,
        """
        I'm sure I'm not the only one.
        I'd use it daily.
        It can't be that hard.
        Please pass it on to your developers.
        That's my only wish.
        My colleagues say the same.
        """,
    ),
    "complaint": _intent(
        30,
        "about how the customer was treated: staff, waiting, bots",
        "late_delivery",
        """
        I've been [passed around|handed on] by five of your agents and nobody [helped|read my case].
        Your bot is an insult. I want to talk to a [human|living person].
        The lady on the phone [hung up on me|laughed at my question] {time}.
        I've written four times and got the same [copied|canned] answer every time.
        [Forty|Fifty] minutes of hold music and then the line [went dead|dropped].
        I'd like to [complain|lodge a complaint] about the way I was spoken to {time}.
        Who is your [manager|boss]? I want this looked at by someone who can decide.
        Closed as solved? Nothing was solved and no one [asked|called] me.
        I was promised a call back on {weekday}. I'm [still waiting by the phone|yet to hear it ring].
        Your agent called me "dear" and told me to learn to read. Is this how you train them?
        Every reply comes from a different name and asks me for the same [photos|details] again.
        The chat closes after two minutes if one doesn't type fast enough. I'm 74.
        Is anybody there? It's my sixth message in {weeks} and I haven't had one sign of life.
        You used to have the best service around. Since {month} it's gone downhill, I'm sad to say.
        It took your team {weeks} to tell me that I should restart it.
        I feel I've been lied to: one colleague says yes, the other says it was never possible.
        The technician didn't show up, didn't call and then wrote that I wasn't home.
        I don't want a voucher, I want an apology from the person who wrote me that email.
        Could somebody please take responsibility for my case rather than sending me links to the FAQ?
        worst support i ever had nobody answer
        Your opening hours are a joke for people with a job. And the mailbox is full.
        I'm going to write a review about the tone of your reply, and I want you to see it first.
        My ticket has been "escalated" for {weeks}. To whom, to the moon?
        Your salesman in {city} pressured my father into things that he'd never wanted. That's not decent.
        """,
        """
        I want to make a complaint about your customer service.
        Your customer service is terrible.
        I am very unhappy with your support.
        I'd like to speak to a manager.
        This is the worst customer service.
        I'd like to make a complaint and speak to a manager.
        Nobody in your support team helps me.
        Please take this as a formal complaint.
        Your support team ignores its customers.
        I want to complain about your support.
        I'm very disappointed by the service.
        Why does nobody from customer service answer?
        Your support doesn't answer me.
        I want to speak to a real person.
        How do I complain about one of your agents?
        """,
        """
        I've been a customer for [six years|a long time].
        I contacted you {time} about a small matter.
        I rang your hotline {time}.
        I'm usually a patient person.
        My case has been open since {month}.
        I was in the chat {time}.
        I'm not a difficult customer.
        I've been polite all the way through.
        I used to praise you to everyone.
        I've run out of patience.
        """,
        """
        I expect better than that.
        I have the whole chat saved.
        That's no way to treat people.
        I won't recommend you to anyone.
        I'd like an answer from a person.
        It spoils an otherwise nice product.
        """,
    ),
}

# fmt: off
GREETINGS: dict[str, tuple[str, ...]] = {
    "plain": (
        "Hi,", "Hello,", "Hi there,", "Hey,", "Good morning,", "Hello Inkwren,", "Hi team,", "Good evening,",
        "One thing:",
    ),
    "polite": (
        "Dear Inkwren team,", "Good afternoon,", "Dear Sir or Madam,", "Hello and good morning,", "Dear support,",
        "Hello dear team,", "Good day,", "Dear all,", "I hope you're well.", "Sorry to bother you.", "Excuse me,",
    ),
    "angry": (
        "Seriously?", "Come on.", "This is ridiculous.", "Unbelievable.", "I'm fed up.", "For heaven's sake,",
        "Right, enough.", "Not again.", "I can't believe I have to write this.", "What a joke.",
        "Really disappointed.", "OK, now I'm annoyed.",
    ),
    "phone": ("hi", "hey", "hello", "hi guys", "yo", "ok so", "hey there", "um hi"),
    "foreign": (
        "Hello dear support,", "Good day,", "Dear friends,", "Hello sir,", "Hello Mrs or Mr,", "Dear Inkwren,",
        "Hi respected team,", "Excuse my english.", "Hello,", "Greetings from {country}.",
    ),
}

ASIDES = _lines("""
    Sorry, this may get a bit long.
    I looked through the help pages for half an hour.
    Not sure if this is the right place to ask.
    I normally never write to companies.
    I hope this form reaches somebody.
    I'm typing this on the train, so excuse any mistakes.
    I tried the chat first but it was closed.
    Maybe I'm just being stupid, tell me if so.
    I first asked {who}, who didn't know either.
    The kids are shouting in the background so I'll be quick.
    I'm not very technical so please bear with me.
    I can't sleep over this.
    I've only got a few minutes before my shift starts.
    {who_cap} told me to just write to you.
    Between two meetings, so in short:
    I started writing this mail three times.
    I use it for choir practice and shopping lists mostly.
    My English is better on paper than on the phone.
    I'm sure you get this all day long.
    I was going to call, but I hate calling.
    I teach history, so paperwork doesn't scare me normally.
    Let me start at the beginning.
    I got hooked on your tablets through {who}.
    It's probably simple, I just don't see it.
    I had a long talk with {who} about it.
    We live a bit out in the country, which may matter.
    I meant to write to you earlier and then life happened.
    I read the forum, where people say all sorts of things.
""")

CLOSINGS: dict[str, tuple[str, ...]] = {
    "plain": (
        "Thanks.", "Thanks!", "Cheers.", "Any help?", "Thank you.", "Please let me know.", "What can I do?",
        "Thanks a lot.", "Can you help?", "What next?", "Let me know, thanks.", "How do we proceed?",
    ),
    "polite": (
        "Thank you very much in advance.", "Many thanks for your help.", "Kind regards",
        "I'd be very grateful for your help.", "Thank you for your time.", "With best wishes",
        "Looking forward to hearing from you.", "Thanks so much, have a nice day.", "I appreciate your help.",
        "Best regards from {country}", "Have a lovely week.", "Thank you for being so patient with me.",
    ),
    "angry": (
        "Sort it out.", "I expect an answer today.", "Fix this.", "Not good enough.", "Do something.", "I'm waiting.",
        "This can't be so hard.", "Last chance.", "And no bot answer please.", "How is this acceptable?",
        "I mean it.", "Well?",
    ),
    "phone": ("thx", "thanks", "pls help", "help", "ty", "cheers", "any idea", "let me know", "asap pls", "thank u"),
    "foreign": (
        "Thank you for understanding.", "I wait your answer.", "Please to help me.", "With friendly greetings",
        "Thanks in advance.", "Please answer fast.", "Many thank.", "I am waiting your reply.",
    ),
}

# What a lower-case phone message does to words, and what a hurried learner of English does to sentences.
SHORTHAND: tuple[tuple[str, str], ...] = (
    (r"\byou\b", "u"), (r"\byour\b", "ur"), (r"\bplease\b", "pls"), (r"\bbecause\b", "cuz"), (r"\band\b", "&"),
    (r"\bare\b", "r"), (r"\bthough\b", "tho"), (r"\btomorrow\b", "tmrw"), (r"\bsomething\b", "smth"),
    (r"\bthanks\b", "thx"), (r"\bwithout\b", "w/o"), (r"\bwith\b", "w"), (r"\babout\b", "abt"),
    (r"\bmessage\b", "msg"), (r"\bminutes\b", "min"), (r"\bdon't know\b", "dunno"), (r"\bwant to\b", "wanna"),
    (r"\bgoing to\b", "gonna"), (r"\bweeks\b", "wks"), (r"\bpassword\b", "pw"), (r"\baccount\b", "acct"),
    (r"\bdelivery\b", "delivry"),
)
FOREIGN: tuple[tuple[str, str], ...] = (
    (r"\bI'd like to\b", "I would like"), (r"\bCan I\b", "Is possible I"), (r"\bcan I\b", "is possible I"),
    (r"\bHow do I\b", "How I can"), (r"\bhow do I\b", "how I can"), (r"\b[Cc]ould you\b", "You can"),
    (r"\bdoesn't\b", "don't"), (r"\bhas been\b", "is"), (r"\bI've been\b", "I am"), (r"\bI've\b", "I have"),
    (r"\bIt's\b", "Is"), (r"\bit's\b", "is"), (r"\bisn't\b", "is not"), (r"\bwon't\b", "don't want to"),
    (r"\bmade\b", "did"), (r"\bfor (\d+) days\b", r"since \1 days"), (r"\bsomething\b", "some thing"),
    (r"\bdo you have\b", "you have"), (r"\bIs there\b", "There is"), (r"\binformation\b", "informations"),
    (r"\bThere's\b", "There is"), (r"\bthere's\b", "there is"), (r"\bwhere is\b", "where it is"),
    (r"\bwould like\b", "want"), (r"\bthe\b ", ""), (r"\ba\b (?!few|lot|bit)", ""), (r"\bWhen will\b", "When"),
    (r"\bwas\b", "is"), (r"\bdid not\b", "not"), (r"\bcould\b", "can"),
)
MISSPELT: dict[str, str] = {
    "receive": "recieve", "received": "recieved", "address": "adress", "account": "acount",
    "definitely": "definately", "subscription": "subcription", "delivery": "delivary", "separate": "seperate",
    "tomorrow": "tommorow", "which": "wich", "because": "becuase", "until": "untill", "really": "realy",
    "business": "buisness", "receipt": "reciept", "their": "there", "invoice": "invoce", "charged": "chraged",
    "refund": "refound", "cancel": "cancle", "password": "pasword", "parcel": "parcle", "believe": "beleive",
    "different": "diffrent", "arrived": "arived", "possible": "posible", "tablet": "tablett",
    "warranty": "waranty", "weird": "wierd", "replacement": "replacment", "colour": "collor", "again": "agian",
    "courier": "currier", "battery": "batery", "charger": "chager", "necessary": "neccessary", "there": "ther",
    "friend": "freind", "would": "woud",
}

# Invented people and places for the planted personal data. Phone numbers lie in ranges kept for fiction, e-mail domains
# are reserved ones, addresses are made up, card numbers are the payment industry's public test numbers.
FIRST_NAMES = (
    "Dora", "Milan", "Yusuf", "Petra", "Callum", "Ines", "Takeshi", "Oluwaseun", "Brigid", "Stefan", "Amrita", "Léa",
    "Wanda", "Joaquim", "Sunniva", "Tobias", "Marguerite", "Kwame", "Zofia", "Rowan", "Hamid", "Elspeth", "Nils",
    "Thuy",
)
LAST_NAMES = (
    "Quistgard", "Okonedo-Hale", "Brandlmeier", "Pellworth", "Achterkamp", "Sandoval Ruy", "Ferrowhite", "Ivanchek",
    "Mbeki-Lund", "Trevanna", "Oyelami", "Kranjcar", "Dalwhistle", "Nakagome", "Vanterpool", "Szymczyk", "Haldorsen",
    "Marchbank", "Threlkeld", "Boutourlin", "Garrowby", "Yilmazer",
)
STREETS = (
    "14 Harrowmere Lane, Eastwick Vale", "Kastanienring 7, 99998 Oberlindau", "3B Tallow Court, Port Merrin",
    "221 Quarrystone Ave, Fallbrook Heights", "Rua das Andorinhas 58, 2.º Esq, Vila Serena",
    "9 rue du Moulin-Bleu, 00120 Saint-Orlan", "77 Old Ferry Road, Dunmarrow", "Apt 12, 4 Cooper's Wharf, Lowhaven",
    "1806 Juniper Bend, Cedar Falls Junction", "Plac Lipowy 3/17, 00-009 Nowe Brzegi",
    "The Mill House, Sparrow Hill, Netherby-on-Tarn", "Flat 6, 52 Ashgrove Terrace, Kilbrennan",
)
PHONES = (
    "+44 7700 900{n3}", "07700 900{n3}", "020 7946 0{n3}", "+1 (202) 555-01{n2}", "312-555-01{n2}",
    "(646) 555 01{n2}", "+44 20 7946 0{n3}", "07700900{n3}", "415.555.01{n2}",
)
MAIL_DOMAINS = ("example.com", "example.org", "example.net", "mail.example", "post.example")
CARDS = (
    "4242 4242 4242 4242", "4111 1111 1111 1111", "5555 5555 5555 4444", "5105-1051-0510-5100", "3782 822463 10005",
    "6011111111111117", "4012888888881881", "5200 8282 8282 8210", "4000 0566 5566 5556",
)

# How a customer gives personal data away; `name`, `phone`, `email`, `address`, `card` are the planted spans.
DISCLOSURES: tuple[str, ...] = _lines("""
    You can reach me on {phone}.
    My number is {phone} if you want to call.
    Call me: {phone}
    Text me at {phone}, I don't read mails.
    Please answer to {email}.
    My email is {email}.
    The account is under {email}.
    Write to {email} please, that is the one I read.
    Regards, {name}
    My name is {name}.
    Best wishes, {name}, {phone}
    {name} ({email})
    The account is in the name of {name}.
    Yours, {name}, {address}
    {name} here, phone {phone}.
    Hello, {name} here.
    For your files: {name}, {address}.
""")
CARD_DISCLOSURES: tuple[str, ...] = _lines("""
    The card is {card}.
    Card number {card}, in the name of {name}.
    It's this one: {card}.
    For reference the card has the number {card}.
    Try it yourself: {card}, {name}.
""")
CARD_INTENTS = ("update_payment_method", "payment_declined", "unknown_charge", "request_refund", "refund_status")
NEW_ADDRESS_DISCLOSURES: tuple[str, ...] = _lines("""
    The right one is {address}.
    It should go to {address}.
    Deliver to: {name}, {address}
    New address: {address}, mobile {phone}.
""")
ADDRESS_DISCLOSURES: tuple[str, ...] = _lines("""
    I live at {address}.
    It goes to {name}, {address}.
    The address on it is {address}.
    I'm at {address}, call {phone} if nobody opens.
""")
ADDRESS_INTENTS = ("late_delivery", "track_order", "missing_item", "damaged_item")
