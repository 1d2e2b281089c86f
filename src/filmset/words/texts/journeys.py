"""Conversations about places and travel; see `words.exchanges` for how they are written."""

EXCHANGES = """
# meeting
en Let's meet {place:at} {future}.
es Nos vemos {place:at} {future}.
fr Retrouvons-nous {place:at} {future}.
ja {future} {place}で [会|あ]おう。
de Treffen wir uns {future} {place:at}.
it Vediamoci {place:at} {future}.
ko {future} {place}에서 만나자.

en Is {who} coming too?
es ¿Viene también {who}?
fr {who} vient aussi ?
ja {who}も [来|く]る？
de Kommt {who} auch?
it Viene anche {who}?
ko {who}도 와?

en No, just you and me.
es No, solo tú y yo.
fr Non, juste toi et moi.
ja いや、[二人|ふたり]だけだよ。
de Nein, nur du und ich.
it No, solo io e te.
ko 아니, 너랑 나만.

# way
en How do I get {place:to}?
es ¿Cómo se va {place:to}?
fr Comment on va {place:to} ?
ja {place}には どうやって [行|い]くの？
de Wie komme ich {place:to}?
it Come si va {place:to}?
ko {place}에는 어떻게 가?

en It is quickest {means}.
es Lo más rápido es ir {means}.
fr Le plus rapide, c'est {means}.
ja {means} [行|い]くのが いちばん [速|はや]いよ。
de Am schnellsten geht es {means}.
it Si fa prima {means}.
ko {means} 가는 게 제일 빨라.

en And how long does it take?
es ¿Y cuánto se tarda?
fr Et ça prend combien de temps ?
ja どのくらい かかる？
de Und wie lange dauert das?
it E quanto ci vuole?
ko 얼마나 걸려?

en About {wait}, I think.
es Más o menos {wait}, creo.
fr Environ {wait}, je crois.
ja だいたい {wait}だと [思|おも]う。
de Ungefähr {wait}, glaube ich.
it Più o meno {wait}, credo.
ko 아마 {wait} 정도.

# departure
en When does {ride} leave?
es ¿Cuándo sale {ride}?
fr Quand part {ride} ?
ja {ride}は いつ [出|で]るの？
de Wann fährt {ride} ab?
it Quando parte {ride}?
ko {ride}은/는 언제 떠나?

en {future}, if all goes well.
es {future}, si todo va bien.
fr {future}, si tout va bien.
ja うまく いけば {future}。
de {future}, wenn alles gut geht.
it {future}, se tutto va bene.
ko 별일 없으면 {future}.

en We will never make it.
es No vamos a llegar.
fr On n'y arrivera jamais.
ja [間|ま]に [合|あ]わないよ。
de Das schaffen wir nie.
it Non ce la faremo mai.
ko 절대 시간 안에 못 가.

# delay
en {ride} is {wait} late.
es {ride} lleva {wait} de retraso.
fr {ride} a {wait} de retard.
ja {ride}は {wait} [遅|おく]れてる。
de {ride} hat {wait} Verspätung.
it {ride} ha {wait} di ritardo.
ko {ride}이/가 {wait} 늦어.

en Then let's go {means}.
es Entonces vamos {means}.
fr Alors allons-y {means}.
ja じゃあ {means} [行|い]こう。
de Dann eben {means}.
it Allora andiamo {means}.
ko 그럼 {means} 가자.

en It is much too far.
es Está demasiado lejos.
fr C'est beaucoup trop loin.
ja [遠|とお]すぎるよ。
de Das ist viel zu weit.
it È troppo lontano.
ko 너무 멀어.

# bridge
en Don't go over the bridge {future}.
es No cruces el puente {future}.
fr Ne passe pas le pont {future}.
ja {future} [橋|はし]を [渡|わた]らないで。
de Geh {future} nicht über die Brücke.
it Non attraversare il ponte {future}.
ko {future} 다리를 건너지 마.

en Is it dangerous?
es ¿Es peligroso?
fr C'est dangereux ?
ja [危|あぶ]ないの？
de Ist das gefährlich?
it È pericoloso?
ko 위험해?

en {who} saw something there {past}.
es {who} vio algo allí {past}.
fr {who} a vu quelque chose là-bas {past}.
ja {past} {who}が そこで [何|なに]かを [見|み]たんだ。
de {who} hat dort {past} etwas gesehen.
it {who} ha visto qualcosa lì {past}.
ko {past} {who}이/가 거기서 뭔가를 봤어.

# parked
en There is a {colour} car {place:at}.
es Hay un coche {colour} {place:at}.
fr Il y a une voiture {colour} {place:at}.
ja {place}に {colour} [車|くるま]が ある。
de {place:at} steht ein {colour} Auto.
it C'è una macchina {colour} {place:at}.
ko {place}에 {colour} 자동차가 있어.

en Is that the car of {who}?
es ¿Es el coche de {who}?
fr C'est la voiture de {who} ?
ja {who}の [車|くるま]？
de Ist das das Auto von {who:dat}?
it È la macchina di {who}?
ko {who} 자동차야?

en No, I have never seen it before.
es No, no lo había visto nunca.
fr Non, je ne l'ai jamais vue.
ja いや、[見|み]たことが ない。
de Nein, ich habe es noch nie gesehen.
it No, non l'ho mai vista.
ko 아니, 본 적 없어.

# driver
en Who is driving the car?
es ¿Quién conduce el coche?
fr Qui conduit la voiture ?
ja [誰|だれ]が [車|くるま]を [運転|うんてん]するの？
de Wer fährt das Auto?
it Chi guida la macchina?
ko 누가 자동차를 운전해?

en {who}, as always.
es {who}, como siempre.
fr {who}, comme toujours.
ja いつもどおり {who}だよ。
de {who}, wie immer.
it {who}, come sempre.
ko 늘 그렇듯이 {who}이/가.

en Then I would rather go {means}.
es Entonces prefiero ir {means}.
fr Alors je préfère y aller {means}.
ja じゃあ {means} [行|い]くよ。
de Dann komme ich lieber {means}.
it Allora preferisco andare {means}.
ko 그럼 난 {means} 갈래.

# distance
en Is the station far from here?
es ¿Está lejos la estación?
fr La gare est loin d'ici ?
ja [駅|えき]は ここから [遠|とお]い？
de Ist der Bahnhof weit von hier?
it La stazione è lontana da qui?
ko 역은 여기서 멀어?

en {wait} on foot.
es {wait} a pie.
fr {wait} à pied.
ja [歩|ある]いて {wait}。
de {wait} zu Fuß.
it {wait} a piedi.
ko 걸어서 {wait}.

en I can't walk that far.
es No puedo caminar tanto.
fr Je ne peux pas marcher si loin.
ja そんなに [歩|ある]けないよ。
de So weit kann ich nicht laufen.
it Non posso camminare così tanto.
ko 그렇게 멀리는 못 걸어.

# onboard
en I met {who} on the train {past}.
es Me encontré con {who} en el tren {past}.
fr J'ai croisé {who} dans le train {past}.
ja {past} [電車|でんしゃ]で {who}に [会|あ]った。
de Ich habe {past} {who:acc} im Zug getroffen.
it Ho incontrato {who} sul treno {past}.
ko {past} 기차에서 {who}을/를 만났어.

en Did you talk about me?
es ¿Hablaste de mí?
fr Tu as parlé de moi ?
ja わたしの [話|はなし]を した？
de Hast du von mir gesprochen?
it Hai parlato di me?
ko 내 얘기 했어?

en No, about {thing}.
es No, de {thing}.
fr Non, de {thing}.
ja いや、{thing}の [話|はなし]だよ。
de Nein, von {thing:dat}.
it No, di {thing}.
ko 아니, {thing} 얘기였어.
"""

HELD_OUT = """
# platform
en The train leaves from platform {number}.
es El tren sale del andén {number}.
fr Le train part du quai numéro {number}.
ja [電車|でんしゃ]は {number}[番線|ばんせん]から [出|で]る。
de Der Zug fährt von Gleis {number}.
it Il treno parte dal binario {number}.
ko 기차는 {number} 번 승강장에서 떠나.

en Are you coming with me {place:to}?
es ¿Vienes conmigo {place:to}?
fr Tu viens avec moi {place:to} ?
ja いっしょに {place}へ [行|い]く？
de Kommst du mit mir {place:to}?
it Vieni con me {place:to}?
ko 나랑 같이 {place}에 갈래?

en No, I am waiting for {who}.
es No, espero a {who}.
fr Non, j'attends {who}.
ja いや、{who}を [待|ま]ってるんだ。
de Nein, ich warte auf {who:acc}.
it No, aspetto {who}.
ko 아니, {who}을/를 기다려.

# waiting
en I have been waiting {place:at} for {wait}.
es Llevo {wait} esperando {place:at}.
fr J'attends {place:at} depuis {wait}.
ja もう {wait}も {place}で [待|ま]ってるよ。
de Ich warte schon {wait} {place:at}.
it Aspetto {place:at} da {wait}.
ko {place}에서 {wait}이나/나 기다렸어.

en I am sorry, {ride} was late.
es Perdona, {ride} llegó tarde.
fr Pardon, {ride} avait du retard.
ja ごめん、{ride}が [遅|おく]れたんだ。
de Entschuldige, {ride} hatte Verspätung.
it Scusa, {ride} era in ritardo.
ko 미안해, {ride}이/가 늦었어.

en You always say that.
es Siempre dices lo mismo.
fr Tu dis toujours ça.
ja いつも そう [言|い]うよね。
de Das sagst du immer.
it Dici sempre così.
ko 넌 항상 그렇게 말해.

# newcar
en {who} bought a {colour} car {past}.
es {who} compró un coche {colour} {past}.
fr {who} a acheté une voiture {colour} {past}.
ja {past} {who}が {colour} [車|くるま]を [買|か]った。
de {who} hat {past} ein {colour} Auto gekauft.
it {who} ha comprato una macchina {colour} {past}.
ko {past} {who}이/가 {colour} 자동차를 샀어.

en With what money?
es ¿Con qué dinero?
fr Avec quel argent ?
ja どこの お[金|かね]で？
de Mit welchem Geld?
it Con quale denaro?
ko 무슨 돈으로?

en It is better not to ask.
es Es mejor no preguntar.
fr Il vaut mieux ne pas demander.
ja [聞|き]かない ほうが いいよ。
de Frag lieber nicht.
it È meglio non chiedere.
ko 안 묻는 게 좋아.

# plan
en We are leaving {future}, {means}.
es Nos vamos {future}, {means}.
fr On part {future}, {means}.
ja {future} {means} [出発|しゅっぱつ]する。
de Wir brechen {future} {means} auf.
it Partiamo {future}, {means}.
ko {future} {means} 떠나.

en And what about {who}?
es ¿Y qué pasa con {who}?
fr Et {who}, alors ?
ja {who}は どうするの？
de Und was ist mit {who:dat}?
it E {who}, allora?
ko {who}은/는 어떡하고?

en There is only room for two.
es Solo hay sitio para dos.
fr Il n'y a de place que pour deux.
ja [二人分|ふたりぶん]しか [席|せき]が ない。
de Es ist nur Platz für zwei.
it C'è posto solo per due.
ko 두 명 자리밖에 없어.

# errand
en Take {object} {place:to} {future}.
es Lleva {object} {place:to} {future}.
fr Apporte {object} {place:to} {future}.
ja {future} {place}に {object}を [届|とど]けて。
de Bring {object:acc} {future} {place:to}.
it Porta {object} {place:to} {future}.
ko {future} {place}에 {object}을/를 가져다줘.

en And who will be there?
es ¿Y quién estará allí?
fr Et qui sera là ?
ja そこに [誰|だれ]が いるの？
de Und wer ist da?
it E chi ci sarà?
ko 거기 누가 있는데?

en {who}, if I am not mistaken.
es {who}, si no me equivoco.
fr {who}, si je ne me trompe pas.
ja たしか {who}だよ。
de {who}, wenn ich mich nicht irre.
it {who}, se non mi sbaglio.
ko 내 기억이 맞다면 {who}.
"""
