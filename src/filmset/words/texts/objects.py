"""Conversations about things; see `words.exchanges` for how they are written."""

EXCHANGES = """
# where
en Where is {thing}?
es ¿Dónde está {thing}?
fr Où est {thing} ?
ja {thing}は どこに あるの？
de Wo ist {thing}?
it Dov'è {thing}?
ko {thing}은/는 어디 있어?

en I saw {thing} {place:at} {past}.
es Vi {thing} {place:at} {past}.
fr J'ai vu {thing} {place:at} {past}.
ja {past} {place}で {thing}を [見|み]たよ。
de Ich habe {thing:acc} {past} {place:at} gesehen.
it Ho visto {thing} {place:at} {past}.
ko {past} {place}에서 {thing}을/를 봤어.

en Then we have to go back.
es Entonces tenemos que volver.
fr Alors il faut y retourner.
ja じゃあ [戻|もど]らないと。
de Dann müssen wir zurückgehen.
it Allora dobbiamo tornare indietro.
ko 그럼 다시 가야 해.

# bring
en Did you bring {thing}?
es ¿Has traído {thing}?
fr Tu as apporté {thing} ?
ja {thing}は [持|も]ってきた？
de Hast du {thing:acc} mitgebracht?
it Hai portato {thing}?
ko {thing}을/를 가져왔어?

en No, {who} has {thing}.
es No, {who} tiene {thing}.
fr Non, c'est {who} qui a {thing}.
ja いや、{thing}は {who}が [持|も]ってる。
de Nein, {who} hat {thing:acc}.
it No, {thing} ce l'ha {who}.
ko 아니, {thing}은/는 {who}이/가 가지고 있어.

en But I need {thing} {future}.
es Pero necesito {thing} {future}.
fr Mais j'ai besoin de {thing} {future}.
ja でも {future} {thing}が [要|い]るんだ。
de Aber ich brauche {thing:acc} {future}.
it Ma mi serve {thing} {future}.
ko 하지만 {future} {thing}이/가 필요해.

# give
en Give {thing} to {who}, please.
es Dale {thing} a {who}, por favor.
fr Donne {thing} à {who}, s'il te plaît.
ja {thing}を {who}に [渡|わた]して ください。
de Gib {who:dat} bitte {thing:acc}.
it Da' {thing} a {who}, per favore.
ko {thing}을/를 {who}에게 전해 줘.

en Do I have to do it today?
es ¿Tengo que hacerlo hoy?
fr Je dois le faire aujourd'hui ?
ja [今日|きょう]じゃないと だめ？
de Muss ich das heute machen?
it Devo farlo oggi?
ko 꼭 오늘 해야 해?

en Yes, before it is too late.
es Sí, antes de que sea tarde.
fr Oui, avant qu'il ne soit trop tard.
ja うん、[手遅|ておく]れに なる [前|まえ]に。
de Ja, bevor es zu spät ist.
it Sì, prima che sia troppo tardi.
ko 응, 너무 늦기 전에.

# stolen
en Somebody stole {thing} {past}.
es Alguien robó {thing} {past}.
fr Quelqu'un a volé {thing} {past}.
ja {past} [誰|だれ]かが {thing}を [盗|ぬす]んだ。
de Jemand hat {past} {thing:acc} gestohlen.
it Qualcuno ha rubato {thing} {past}.
ko {past} 누가 {thing}을/를 훔쳐 갔어.

en Have you told {who}?
es ¿Se lo has dicho a {who}?
fr Tu l'as dit à {who} ?
ja {who}に [話|はな]した？
de Hast du es {who:dat} gesagt?
it L'hai detto a {who}?
ko {who}에게 말했어?

en Not yet. I am afraid.
es Todavía no. Tengo miedo.
fr Pas encore. J'ai peur.
ja まだ。[怖|こわ]いんだ。
de Noch nicht. Ich habe Angst.
it Non ancora. Ho paura.
ko 아직. 무서워서.

# hidden
en Where did you hide {thing}?
es ¿Dónde escondiste {thing}?
fr Où as-tu caché {thing} ?
ja {thing}を どこに [隠|かく]したの？
de Wo hast du {thing:acc} versteckt?
it Dove hai nascosto {thing}?
ko {thing}을/를 어디에 숨겼어?

en Behind {furniture}, as always.
es Detrás de {furniture}, como siempre.
fr Derrière {furniture}, comme toujours.
ja いつもの ように、{furniture}の [後|うし]ろだよ。
de Hinter {furniture:dat}, wie immer.
it Dietro {furniture}, come sempre.
ko 늘 그렇듯이 {furniture} 뒤에.

en There is nothing behind {furniture}.
es No hay nada detrás de {furniture}.
fr Il n'y a rien derrière {furniture}.
ja {furniture}の [後|うし]ろには [何|なに]も ないよ。
de Hinter {furniture:dat} ist nichts.
it Non c'è niente dietro {furniture}.
ko {furniture} 뒤에는 아무것도 없어.

# contents
en What do you have there?
es ¿Qué tienes ahí?
fr Qu'est-ce que tu as là ?
ja そこに [何|なに]を [持|も]ってるの？
de Was hast du da?
it Che cos'hai lì?
ko 거기 뭐 가지고 있어?

en Just {object:a} and {object2:a}.
es Solo {object:a} y {object2:a}.
fr Juste {object:a} et {object2:a}.
ja {object}と {object2}だけ。
de Nur {object:a.acc} und {object2:a.acc}.
it Solo {object:a} e {object2:a}.
ko {object}과/와 {object2}뿐이야.

en Is that all you found?
es ¿Eso es todo lo que encontraste?
fr C'est tout ce que tu as trouvé ?
ja [見|み]つけたのは それだけ？
de Ist das alles, was du gefunden hast?
it È tutto quello che hai trovato?
ko 찾은 게 그게 다야?

# sell
en How much do you want for {object}?
es ¿Cuánto pides por {object}?
fr Combien tu veux pour {object} ?
ja {object}は いくらで [売|う]ってくれる？
de Wie viel willst du für {object:acc}?
it Quanto vuoi per {object}?
ko {object}은/는 얼마에 팔래?

en {number} euros, not one less.
es {number} euros, ni uno menos.
fr {number} euros, pas un de moins.
ja {number}ユーロ。それ[以下|いか]は だめ。
de {number} Euro, keinen weniger.
it {number} euro, non uno di meno.
ko {number} 유로. 그 이하는 안 돼.

en That is too expensive.
es Es demasiado caro.
fr C'est trop cher.
ja それは [高|たか]すぎるよ。
de Das ist zu teuer.
it È troppo caro.
ko 그건 너무 비싸.

# addressee
en This letter is for {who}.
es Esta carta es para {who}.
fr Cette lettre est pour {who}.
ja この [手紙|てがみ]は {who}[宛|あ]てだよ。
de Dieser Brief ist für {who:acc}.
it Questa lettera è per {who}.
ko 이 편지는 {who}에게 온 거야.

en Who sent it?
es ¿Quién la mandó?
fr Qui l'a envoyée ?
ja [誰|だれ]が [出|だ]したの？
de Wer hat ihn geschickt?
it Chi l'ha mandata?
ko 누가 보냈어?

en There is no name on it.
es No lleva ningún nombre.
fr Il n'y a pas de nom dessus.
ja [名前|なまえ]が [書|か]いて ない。
de Es steht kein Name drauf.
it Non c'è scritto nessun nome.
ko 이름이 없어.

# portrait
en Who is that in the photo?
es ¿Quién sale en la foto?
fr Qui est-ce sur la photo ?
ja [写真|しゃしん]に [写|うつ]ってるのは [誰|だれ]？
de Wer ist das auf dem Foto?
it Chi c'è nella foto?
ko 사진 속의 사람은 누구야?

en It is {who}, {place:at}.
es Es {who}, {place:at}.
fr C'est {who}, {place:at}.
ja {place}に いる {who}だよ。
de Das ist {who} {place:at}.
it È {who}, {place:at}.
ko {place}에 있는 {who}이야/야.

en I can hardly see the face.
es Apenas se ve la cara.
fr On voit à peine le visage.
ja [顔|かお]が よく [見|み]えない。
de Man sieht das Gesicht kaum.
it Si vede appena il viso.
ko 얼굴이 잘 안 보여.

# ringing
en Your phone is ringing.
es Está sonando tu teléfono.
fr Ton téléphone sonne.
ja きみの [電話|でんわ]が [鳴|な]ってるよ。
de Dein Telefon klingelt.
it Sta suonando il tuo telefono.
ko 네 전화기가 울려.

en It must be {who}.
es Debe de ser {who}.
fr Ça doit être {who}.
ja きっと {who}だ。
de Das ist bestimmt {who}.
it Dev'essere {who}.
ko 틀림없이 {who}이야/야.

en Please don't answer it.
es No contestes, por favor.
fr Ne réponds pas, s'il te plaît.
ja お[願|ねが]い、[出|で]ないで。
de Geh bitte nicht ran.
it Non rispondere, ti prego.
ko 제발 받지 마.

# buy
en I want to buy {object:a}.
es Quiero comprar {object:a}.
fr Je voudrais acheter {object:a}.
ja {object}を [買|か]いたいんだ。
de Ich möchte {object:a.acc} kaufen.
it Vorrei comprare {object:a}.
ko {object}을/를 사고 싶어.

en There is a shop next to {place}.
es Hay una tienda al lado de {place}.
fr Il y a un magasin à côté de {place}.
ja {place}の [隣|となり]に [店|みせ]が あるよ。
de Neben {place:dat} ist ein Laden.
it C'è un negozio vicino a {place}.
ko {place} 옆에 가게가 있어.

en Is it open {future}?
es ¿Está abierta {future}?
fr C'est ouvert {future} ?
ja {future} [開|あ]いてる？
de Ist da {future} offen?
it È aperto {future}?
ko {future} 문 열어?
"""

HELD_OUT = """
# belongs
en Does {object} belong to {who}?
es ¿Es de {who} {object}?
fr {object} est à {who} ?
ja {object}は {who}の もの？
de Gehört {object} {who:dat}?
it {object} è di {who}?
ko {object}은/는 {who} 거야?

en No, I bought {object} {past}.
es No, compré {object} {past}.
fr Non, j'ai acheté {object} {past}.
ja いや、{object}は {past} [買|か]ったんだ。
de Nein, ich habe {object:acc} {past} gekauft.
it No, ho comprato {object} {past}.
ko 아니, {object}은/는 {past} 샀어.

en I do not believe you.
es No te creo nada.
fr Je ne te crois pas.
ja [信|しん]じられないよ。
de Das glaube ich dir nicht.
it Io non ti credo.
ko 네 말 못 믿겠어.

# borrow
en May I borrow {object} {future}?
es ¿Me prestas {object} {future}?
fr Tu peux me prêter {object} {future} ?
ja {future} {object}を [借|か]りても いい？
de Kann ich mir {future} {object:acc} leihen?
it Mi presti {object} {future}?
ko {future} {object} 좀 빌려줄래?

en Yes, but be careful.
es Sí, pero ten cuidado.
fr Oui, mais fais attention.
ja いいけど、[気|き]を つけてね。
de Ja, aber sei vorsichtig.
it Sì, ma fai attenzione.
ko 그래, 하지만 조심해.

# gift
en I have a present for {who}.
es Tengo un regalo para {who}.
fr J'ai un cadeau pour {who}.
ja {who}に プレゼントが あるんだ。
de Ich habe ein Geschenk für {who:acc}.
it Ho un regalo per {who}.
ko {who}에게 줄 선물이 있어.

en Is it {object:a}?
es ¿Es {object:a}?
fr C'est {object:a} ?
ja もしかして {object}？
de Ist es {object:a}?
it È {object:a}?
ko 혹시 {object}이야/야?

en No, it is something better.
es No, es algo mejor.
fr Non, c'est quelque chose de mieux.
ja いや、もっと いい もの。
de Nein, etwas Besseres.
it No, è qualcosa di meglio.
ko 아니, 더 좋은 거야.

# wrongkey
en This key does not open the door.
es Esta llave no abre la puerta.
fr Cette clé n'ouvre pas la porte.
ja この [鍵|かぎ]では ドアが [開|あ]かない。
de Dieser Schlüssel öffnet die Tür nicht.
it Questa chiave non apre la porta.
ko 이 열쇠로는 문이 안 열려.

en Did {who} give you another key?
es ¿{who} te dio otra llave?
fr {who} t'a donné une autre clé ?
ja {who}は [別|べつ]の [鍵|かぎ]を くれた？
de Hat {who} dir einen anderen Schlüssel gegeben?
it {who} ti ha dato un'altra chiave?
ko {who}이/가 다른 열쇠를 줬어?

en No, only this one.
es No, solo esta.
fr Non, seulement celle-ci.
ja いや、これだけ。
de Nein, nur diesen.
it No, solo questa.
ko 아니, 이것뿐이야.

# purse
en How much money do we have left?
es ¿Cuánto dinero nos queda?
fr Combien d'argent il nous reste ?
ja お[金|かね]は あと いくら ある？
de Wie viel Geld haben wir noch?
it Quanto denaro ci resta?
ko 돈이 얼마나 남았어?

en Only {number} euros.
es Solo {number} euros.
fr Seulement {number} euros.
ja {number}ユーロしか ない。
de Nur noch {number} Euro.
it Solo {number} euro.
ko {number} 유로밖에 없어.

en {who} could lend us money.
es {who} podría prestarnos dinero.
fr {who} pourrait nous prêter de l'argent.
ja {who}なら お[金|かね]を [貸|か]してくれるかも。
de {who} könnte uns Geld leihen.
it {who} potrebbe prestarci del denaro.
ko {who}이라면/라면 돈을 빌려줄지도 몰라.
"""
