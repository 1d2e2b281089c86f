"""Conversations about people; see `words.exchanges` for how they are written."""

EXCHANGES = """
# seen
en Have you seen {who}?
es ¿Has visto a {who}?
fr Tu as vu {who} ?
ja {who}を [見|み]なかった？
de Hast du {who:acc} gesehen?
it Hai visto {who}?
ko {who}을/를 봤어?

en Yes, {past}, {place:at}.
es Sí, {past}, {place:at}.
fr Oui, {past}, {place:at}.
ja うん、{past} {place}で。
de Ja, {past} {place:at}.
it Sì, {past}, {place:at}.
ko 응, {past} {place}에서.

en I have to talk to {who} {future}.
es Tengo que hablar con {who} {future}.
fr Je dois parler à {who} {future}.
ja {future} {who}と [話|はな]さないと。
de Ich muss {future} mit {who:dat} sprechen.
it Devo parlare con {who} {future}.
ko {future} {who}과/와 이야기해야 해.

# work
en Where does {who} work now?
es ¿Dónde trabaja {who} ahora?
fr Où travaille {who} maintenant ?
ja {who}は [今|いま] どこで [働|はたら]いてるの？
de Wo arbeitet {who} jetzt?
it Dove lavora {who} adesso?
ko {who}은/는 지금 어디서 일해?

en {place:at}, I think.
es {place:at}, creo.
fr {place:at}, je crois.
ja {place}だと [思|おも]う。
de {place:at}, glaube ich.
it {place:at}, credo.
ko 아마 {place}에서.

en Since when is that?
es ¿Desde cuándo es eso?
fr Et depuis quand ?
ja それは いつから？
de Und seit wann?
it E da quando?
ko 그게 언제부터야?

en For {span} already.
es Desde hace ya {span}.
fr Depuis {span} déjà.
ja もう {span}に なる。
de Schon {span}.
it Già da {span}.
ko 벌써 {span} 됐어.

# room
en {who} is in room {number}.
es {who} está en la habitación {number}.
fr {who} est dans la chambre {number}.
ja {who}は {number}[号室|ごうしつ]に いるよ。
de {who} ist in Zimmer {number}.
it {who} è nella stanza {number}.
ko {who}은/는 {number} 호실에 있어.

en Can I go in now?
es ¿Puedo entrar ya?
fr Je peux entrer maintenant ?
ja もう [入|はい]っても いい？
de Darf ich jetzt hinein?
it Posso entrare adesso?
ko 이제 들어가도 돼?

en Come back {future}.
es Vuelve {future}.
fr Reviens {future}.
ja {future} また [来|き]て。
de Komm {future} wieder.
it Torna {future}.
ko {future} 다시 와.

# appointment
en The doctor wants to see you {future}.
es El médico quiere verte {future}.
fr Le médecin veut te voir {future}.
ja {future} [医者|いしゃ]が きみに [会|あ]いたいって。
de Der Arzt will dich {future} sehen.
it Il medico vuole vederti {future}.
ko {future} 의사가 너를 보자고 해.

en Why? I feel fine.
es ¿Por qué? Me siento bien.
fr Pourquoi ? Je me sens bien.
ja どうして？[元気|げんき]だよ。
de Warum? Mir geht es gut.
it Perché? Mi sento bene.
ko 왜? 난 괜찮아.

en Don't argue, just go.
es No discutas y ve.
fr Ne discute pas, vas-y.
ja いいから、[行|い]って。
de Keine Widerrede, geh hin.
it Non discutere, vacci.
ko 따지지 말고 그냥 가.

# knowledge
en What do you know about {who}?
es ¿Qué sabes de {who}?
fr Que sais-tu de {who} ?
ja {who}の ことを どこまで [知|し]ってる？
de Was weißt du über {who:acc}?
it Che cosa sai di {who}?
ko {who}에 대해 뭘 알아?

en Nothing. Ask {who2}.
es Nada. Pregunta a {who2}.
fr Rien. Demande à {who2}.
ja [何|なに]も。{who2}に [聞|き]いて。
de Nichts. Frag {who2:acc}.
it Niente. Chiedi a {who2}.
ko 아무것도 몰라. {who2}에게 물어봐.

en I have already done that.
es Ya lo he hecho.
fr Je l'ai déjà fait.
ja もう [聞|き]いたよ。
de Das habe ich schon getan.
it L'ho già fatto.
ko 벌써 물어봤어.

# trust
en Do you trust {who}?
es ¿Confías en {who}?
fr Tu fais confiance à {who} ?
ja {who}を [信|しん]じる？
de Vertraust du {who:dat}?
it Ti fidi di {who}?
ko {who}을/를 믿어?

en More than {who2}.
es Más que en {who2}.
fr Plus qu'à {who2}.
ja {who2}よりはね。
de Mehr als {who2:dat}.
it Più che di {who2}.
ko {who2}보다는.

en That does not mean much.
es Eso no es decir mucho.
fr Ça ne veut pas dire grand-chose.
ja それじゃ あてに ならないな。
de Das heißt nicht viel.
it Non vuol dire molto.
ko 그건 별 의미 없어.

# cooking
en {who} is cooking {future}.
es {who} cocina {future}.
fr {who} fait la cuisine {future}.
ja {future} {who}が [料理|りょうり]を する。
de {who} kocht {future}.
it {who} cucina {future}.
ko {future} {who}이/가 요리해.

en Shall I bring {food}?
es ¿Llevo {food}?
fr J'apporte {food} ?
ja {food}を [持|も]って いこうか？
de Soll ich {food} mitbringen?
it Porto {food}?
ko {food} 가져갈까?

en Bring {food2} too.
es Trae también {food2}.
fr Apporte aussi {food2}.
ja {food2}も [持|も]って きて。
de Bring auch {food2} mit.
it Porta anche {food2}.
ko {food2}도 가져와.

# memory
en Do you remember {who}?
es ¿Te acuerdas de {who}?
fr Tu te souviens de {who} ?
ja {who}を [覚|おぼ]えてる？
de Erinnerst du dich an {who:acc}?
it Ti ricordi di {who}?
ko {who}을/를 기억해?

en Of course. We met {place:at}.
es Claro. Nos conocimos {place:at}.
fr Bien sûr. On s'est connus {place:at}.
ja もちろん。{place}で [会|あ]ったよね。
de Natürlich. Wir haben uns {place:at} getroffen.
it Certo. Ci siamo conosciuti {place:at}.
ko 물론이지. {place}에서 만났잖아.

en {who} still talks about you.
es {who} todavía habla de ti.
fr {who} parle encore de toi.
ja {who}は [今|いま]でも きみの [話|はなし]を するよ。
de {who} spricht immer noch von dir.
it {who} parla ancora di te.
ko {who}은/는 아직도 네 얘기를 해.

# secret
en Promise not to tell {who}.
es Prométeme que no se lo dirás a {who}.
fr Promets de ne rien dire à {who}.
ja {who}には [言|い]わないと [約束|やくそく]して。
de Versprich, es {who:dat} nicht zu sagen.
it Prometti di non dirlo a {who}.
ko {who}에게 말하지 않겠다고 약속해.

en I promise. What happened?
es Lo prometo. ¿Qué ha pasado?
fr Promis. Qu'est-ce qui s'est passé ?
ja [約束|やくそく]する。[何|なに]が あったの？
de Versprochen. Was ist passiert?
it Promesso. Che cosa è successo?
ko 약속해. 무슨 일이야?

en I lost {thing} {place:at}.
es Perdí {thing} {place:at}.
fr J'ai perdu {thing} {place:at}.
ja {place}で {thing}を なくしたんだ。
de Ich habe {thing:acc} {place:at} verloren.
it Ho perso {thing} {place:at}.
ko {place}에서 {thing}을/를 잃어버렸어.

# knock
en Open the door, it is {who}!
es ¡Abre la puerta, es {who}!
fr Ouvre la porte, c'est {who} !
ja ドアを [開|あ]けて、{who}だ！
de Mach die Tür auf, es ist {who}!
it Apri la porta, è {who}!
ko 문 열어, {who}이야/야!

en What does {who} want from us?
es ¿Qué quiere {who} de nosotros?
fr Qu'est-ce que {who} nous veut ?
ja {who}は [何|なに]が [欲|ほ]しいの？
de Was will {who} von uns?
it Che cosa vuole {who} da noi?
ko {who}이/가 우리한테 뭘 원하는 거야?

en Perhaps {thing}, who knows.
es Quizá {thing}, quién sabe.
fr Peut-être {thing}, qui sait.
ja たぶん {thing}だろう。
de Vielleicht {thing:acc}, wer weiß.
it Forse {thing}, chi lo sa.
ko 아마 {thing}이겠지/겠지.

# visit
en {who} has been in the hospital for {span}.
es {who} lleva {span} en el hospital.
fr {who} est à l'hôpital depuis {span}.
ja {who}は もう {span}も [病院|びょういん]に いる。
de {who} liegt schon {span} im Krankenhaus.
it {who} è in ospedale da {span}.
ko {who}은/는 {span}째 병원에 있어.

en Nobody told me that.
es Nadie me lo dijo.
fr Personne ne me l'a dit.
ja [誰|だれ]も [教|おし]えて くれなかった。
de Das hat mir niemand gesagt.
it Nessuno me l'ha detto.
ko 아무도 말 안 해 줬어.

en Go and see {who} {future}.
es Ve a ver a {who} {future}.
fr Va voir {who} {future}.
ja {future} {who}に [会|あ]いに [行|い]って。
de Besuch {who:acc} {future}.
it Va' a trovare {who} {future}.
ko {future} {who}을/를 만나러 가.
"""

HELD_OUT = """
# emergency
en We must take {who} to the hospital.
es Hay que llevar a {who} al hospital.
fr Il faut emmener {who} à l'hôpital.
ja {who}を [病院|びょういん]へ [連|つ]れて いかないと。
de Wir müssen {who:acc} ins Krankenhaus bringen.
it Dobbiamo portare {who} in ospedale.
ko {who}을/를 병원에 데려가야 해.

en Is it serious?
es ¿Es muy grave?
fr C'est grave ?
ja そんなに ひどいの？
de Ist es ernst?
it È grave?
ko 많이 심각해?

en The doctor will know.
es El médico lo sabrá.
fr Le médecin le saura.
ja [医者|いしゃ]なら わかる。
de Der Arzt wird es wissen.
it Il medico lo saprà.
ko 의사라면 알 거야.

# arrival
en {who} will arrive {future}.
es {who} llegará {future}.
fr {who} arrivera {future}.
ja {who}は {future} [着|つ]く。
de {who} kommt {future} an.
it {who} arriverà {future}.
ko {who}은/는 {future} 도착해.

en Who told you that?
es ¿Quién te lo ha dicho?
fr Qui te l'a dit ?
ja [誰|だれ]に [聞|き]いたの？
de Wer hat dir das gesagt?
it Chi te l'ha detto?
ko 그 얘기 누구한테 들었어?

en I heard it {place:at}.
es Lo oí {place:at}.
fr Je l'ai entendu {place:at}.
ja {place}で [聞|き]いたんだ。
de Ich habe es {place:at} gehört.
it L'ho sentito {place:at}.
ko {place}에서 들었어.

# hungry
en Do you want {food}?
es ¿Quieres {food}?
fr Tu veux {food} ?
ja {food}、いる？
de Möchtest du {food}?
it Vuoi {food}?
ko {food} 줄까?

en I would rather have {food2}.
es Prefiero {food2}.
fr Je préférerais {food2}.
ja {food2}の ほうが いい。
de Ich hätte lieber {food2}.
it Preferirei {food2}.
ko {food2}이/가 더 좋아.

# dislike
en My mother never liked {place}.
es A mi madre nunca le gustó {place}.
fr Ma mère n'a jamais aimé {place}.
ja [母|はは]は {place}が ずっと [嫌|きら]いだった。
de Meine Mutter mochte {place:acc} nie.
it Mia madre non ha mai amato {place}.
ko 우리 엄마는 {place}을/를 좋아한 적이 없어.

en Mine did not either.
es A la mía tampoco.
fr La mienne non plus.
ja うちも [同|おな]じだよ。
de Meine auch nicht.
it La mia nemmeno.
ko 우리도 마찬가지야.

# dream
en I dreamed about {who} {past}.
es Soñé con {who} {past}.
fr J'ai rêvé de {who} {past}.
ja {past} {who}の [夢|ゆめ]を [見|み]た。
de Ich habe {past} von {who:dat} geträumt.
it Ho sognato {who} {past}.
ko {past} {who} 꿈을 꿨어.

en Was it a good dream?
es ¿Fue un buen sueño?
fr C'était un beau rêve ?
ja いい [夢|ゆめ]だった？
de War es ein schöner Traum?
it È stato un bel sogno?
ko 좋은 꿈이었어?

en {who} was holding {object:a}.
es {who} tenía {object:a} en la mano.
fr {who} tenait {object:a}.
ja {who}は {object}を [持|も]って いた。
de {who} hielt {object:a.acc} in der Hand.
it {who} teneva in mano {object:a}.
ko {who}은/는 {object}을/를 들고 있었어.
"""
