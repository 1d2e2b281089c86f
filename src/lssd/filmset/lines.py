"""What the people of the films say: short lines, each in seven languages, translations of one another.

Japanese is written in kana, since espeak-ng spells kanji out. Lines are told apart into those of
training titles and those of held-out titles, so that a probe cannot pass by knowing the words.
"""

LANGUAGES = ("en", "es", "fr", "ja", "de", "it", "ko")

_TABLE = """
Where were you last night? | ¿Dónde estabas anoche? | Où étais-tu hier soir ? | きのうの よるは どこに いたの？ | Wo warst du gestern Abend? | Dov'eri ieri sera? | 어젯밤에 어디 있었어?
I have been waiting for an hour. | Llevo una hora esperando. | J'attends depuis une heure. | もう いちじかんも まっているよ。 | Ich warte schon eine Stunde. | Aspetto da un'ora. | 한 시간이나 기다렸어.
Please close the door. | Cierra la puerta, por favor. | Ferme la porte, s'il te plaît. | ドアを しめて ください。 | Mach bitte die Tür zu. | Chiudi la porta, per favore. | 문 좀 닫아 줘.
We should leave before sunrise. | Deberíamos irnos antes del amanecer. | Nous devrions partir avant l'aube. | ひので まえに でかけよう。 | Wir sollten vor Sonnenaufgang gehen. | Dovremmo partire prima dell'alba. | 해 뜨기 전에 떠나야 해.
I don't believe a word of it. | No me creo ni una palabra. | Je n'en crois pas un mot. | ひとことも しんじられない。 | Ich glaube kein Wort davon. | Non credo a una parola. | 한마디도 못 믿겠어.
Did you hear that noise? | ¿Oíste ese ruido? | Tu as entendu ce bruit ? | いまの おと きこえた？ | Hast du das Geräusch gehört? | Hai sentito quel rumore? | 저 소리 들었어?
My brother is coming tomorrow. | Mi hermano llega mañana. | Mon frère arrive demain. | あした おとうとが くるんだ。 | Mein Bruder kommt morgen. | Mio fratello arriva domani. | 내일 내 동생이 와.
There is nothing left to say. | No queda nada que decir. | Il n'y a plus rien à dire. | もう いうことは なにもない。 | Es gibt nichts mehr zu sagen. | Non c'è più niente da dire. | 더 이상 할 말이 없어.
Can you help me with this? | ¿Me ayudas con esto? | Tu peux m'aider avec ça ? | これを てつだって くれる？ | Kannst du mir dabei helfen? | Puoi aiutarmi con questo? | 이것 좀 도와줄래?
The train leaves in ten minutes. | El tren sale en diez minutos. | Le train part dans dix minutes. | でんしゃは じゅっぷんで でるよ。 | Der Zug fährt in zehn Minuten. | Il treno parte tra dieci minuti. | 기차는 십 분 뒤에 떠나.
You look tired today. | Hoy pareces cansado. | Tu as l'air fatigué aujourd'hui. | きょうは つかれて いるみたいだね。 | Du siehst heute müde aus. | Oggi sembri stanco. | 오늘 피곤해 보여.
I will tell you everything. | Te lo contaré todo. | Je te dirai tout. | ぜんぶ はなすよ。 | Ich werde dir alles erzählen. | Ti racconterò tutto. | 모두 다 말해 줄게.
She never answered my letter. | Ella nunca respondió a mi carta. | Elle n'a jamais répondu à ma lettre. | かのじょは てがみに へんじを くれなかった。 | Sie hat nie auf meinen Brief geantwortet. | Non ha mai risposto alla mia lettera. | 그녀는 내 편지에 답하지 않았어.
It is colder than I thought. | Hace más frío de lo que pensaba. | Il fait plus froid que je ne pensais. | おもったより さむいね。 | Es ist kälter, als ich dachte. | Fa più freddo di quanto pensassi. | 생각보다 더 춥네.
Take the first street on the left. | Toma la primera calle a la izquierda. | Prends la première rue à gauche. | さいしょの みちを ひだりに まがって。 | Nimm die erste Straße links. | Prendi la prima strada a sinistra. | 첫 번째 길에서 왼쪽으로 가.
How much does it cost? | ¿Cuánto cuesta? | Combien ça coûte ? | これは いくらですか？ | Wie viel kostet das? | Quanto costa? | 이거 얼마예요?
Nobody lives in that house. | Nadie vive en esa casa. | Personne ne vit dans cette maison. | あの いえには だれも すんでいない。 | In dem Haus wohnt niemand. | In quella casa non vive nessuno. | 그 집에는 아무도 안 살아.
I forgot my keys again. | Otra vez olvidé las llaves. | J'ai encore oublié mes clés. | また かぎを わすれちゃった。 | Ich habe wieder meine Schlüssel vergessen. | Ho dimenticato di nuovo le chiavi. | 열쇠를 또 잊어버렸어.
Let's talk about it later. | Hablemos de eso más tarde. | Parlons-en plus tard. | その はなしは あとに しよう。 | Reden wir später darüber. | Parliamone più tardi. | 그 얘기는 나중에 하자.
That was a long time ago. | Eso fue hace mucho tiempo. | C'était il y a longtemps. | それは ずっと まえの ことだ。 | Das ist lange her. | È stato molto tempo fa. | 그건 아주 오래전 일이야.
Be careful with the glass. | Ten cuidado con el vaso. | Fais attention au verre. | コップに きを つけて。 | Sei vorsichtig mit dem Glas. | Stai attento al bicchiere. | 유리잔 조심해.
They promised to come back. | Prometieron volver. | Ils ont promis de revenir. | かれらは もどると やくそくした。 | Sie haben versprochen zurückzukommen. | Hanno promesso di tornare. | 그들은 돌아오겠다고 약속했어.
What are you looking for? | ¿Qué estás buscando? | Qu'est-ce que tu cherches ? | なにを さがして いるの？ | Wonach suchst du? | Che cosa stai cercando? | 뭘 찾고 있어?
I would like a cup of coffee. | Quisiera una taza de café. | Je voudrais une tasse de café. | コーヒーを いっぱい ください。 | Ich hätte gern eine Tasse Kaffee. | Vorrei una tazza di caffè. | 커피 한 잔 주세요.
The doctor said it was nothing. | El médico dijo que no era nada. | Le médecin a dit que ce n'était rien. | いしゃは なんでもないと いった。 | Der Arzt sagte, es sei nichts. | Il medico ha detto che non era niente. | 의사가 아무 일도 아니라고 했어.
We have met somewhere before. | Nos hemos visto antes en algún sitio. | Nous nous sommes déjà rencontrés. | まえに どこかで あいましたね。 | Wir haben uns schon einmal getroffen. | Ci siamo già incontrati da qualche parte. | 우리 전에 어디서 만났죠.
Turn off the light and listen. | Apaga la luz y escucha. | Éteins la lumière et écoute. | あかりを けして きいて。 | Mach das Licht aus und hör zu. | Spegni la luce e ascolta. | 불을 끄고 들어 봐.
He works in the old factory. | Él trabaja en la vieja fábrica. | Il travaille dans la vieille usine. | かれは ふるい こうばで はたらいている。 | Er arbeitet in der alten Fabrik. | Lui lavora nella vecchia fabbrica. | 그는 낡은 공장에서 일해.
You can sleep here tonight. | Puedes dormir aquí esta noche. | Tu peux dormir ici ce soir. | こんやは ここで ねても いいよ。 | Du kannst heute Nacht hier schlafen. | Puoi dormire qui stanotte. | 오늘 밤은 여기서 자도 돼.
Why didn't you call me? | ¿Por qué no me llamaste? | Pourquoi tu ne m'as pas appelé ? | どうして でんわして くれなかったの？ | Warum hast du mich nicht angerufen? | Perché non mi hai chiamato? | 왜 나한테 전화 안 했어?
The children are already asleep. | Los niños ya están dormidos. | Les enfants dorment déjà. | こどもたちは もう ねて います。 | Die Kinder schlafen schon. | I bambini dormono già. | 아이들은 벌써 잠들었어.
I know a better way. | Conozco un camino mejor. | Je connais un meilleur chemin. | もっと いい みちを しってるよ。 | Ich kenne einen besseren Weg. | Conosco una strada migliore. | 더 좋은 길을 알아.
Everything will be all right. | Todo va a salir bien. | Tout ira bien. | きっと ぜんぶ うまくいくよ。 | Alles wird gut. | Andrà tutto bene. | 다 잘될 거야.
Give me your hand, quickly. | Dame la mano, rápido. | Donne-moi la main, vite. | はやく てを だして。 | Gib mir schnell deine Hand. | Dammi la mano, presto. | 빨리 손 줘.
The bridge was closed this morning. | El puente estaba cerrado esta mañana. | Le pont était fermé ce matin. | けさ はしは とじて いました。 | Die Brücke war heute Morgen gesperrt. | Il ponte era chiuso stamattina. | 오늘 아침에 다리가 막혔어.
I have never seen the sea. | Nunca he visto el mar. | Je n'ai jamais vu la mer. | うみを みたことが ありません。 | Ich habe noch nie das Meer gesehen. | Non ho mai visto il mare. | 나는 바다를 본 적이 없어.
Who told you my name? | ¿Quién te dijo mi nombre? | Qui t'a dit mon nom ? | だれが わたしの なまえを おしえたの？ | Wer hat dir meinen Namen gesagt? | Chi ti ha detto il mio nome? | 누가 내 이름을 말해 줬어?
It could rain at any moment. | Puede llover en cualquier momento. | Il peut pleuvoir à tout moment. | いつ あめが ふっても おかしくない。 | Es kann jeden Moment regnen. | Potrebbe piovere da un momento all'altro. | 언제라도 비가 올 수 있어.
Dinner is almost ready. | La cena está casi lista. | Le dîner est presque prêt. | ゆうはんは もうすぐ できるよ。 | Das Essen ist fast fertig. | La cena è quasi pronta. | 저녁이 거의 다 됐어.
You were right from the start. | Tenías razón desde el principio. | Tu avais raison depuis le début. | はじめから きみが ただしかった。 | Du hattest von Anfang an recht. | Avevi ragione fin dall'inizio. | 처음부터 네가 옳았어.
Don't tell anyone about this. | No le cuentes esto a nadie. | N'en parle à personne. | このことは だれにも いわないで。 | Erzähl niemandem davon. | Non dirlo a nessuno. | 아무한테도 말하지 마.
Her car stopped in the forest. | Su coche se paró en el bosque. | Sa voiture s'est arrêtée dans la forêt. | かのじょの くるまが もりで とまった。 | Ihr Auto blieb im Wald stehen. | La sua macchina si è fermata nel bosco. | 그녀의 차가 숲에서 멈췄어.
I need a little more time. | Necesito un poco más de tiempo. | J'ai besoin d'un peu plus de temps. | もうすこし じかんが ほしい。 | Ich brauche noch etwas Zeit. | Ho bisogno di un po' più di tempo. | 시간이 조금 더 필요해.
This book belongs to my mother. | Este libro es de mi madre. | Ce livre est à ma mère. | この ほんは ははの ものです。 | Dieses Buch gehört meiner Mutter. | Questo libro è di mia madre. | 이 책은 우리 엄마 거야.
We can start over again. | Podemos empezar de nuevo. | On peut tout recommencer. | もういちど やりなおせるよ。 | Wir können noch einmal anfangen. | Possiamo ricominciare da capo. | 우리 다시 시작할 수 있어.
Look at all these people. | Mira cuánta gente. | Regarde tous ces gens. | こんなに おおくの ひとが いるよ。 | Sieh dir all die Leute an. | Guarda quanta gente. | 이 많은 사람들 좀 봐.
The old man knows the truth. | El viejo sabe la verdad. | Le vieil homme connaît la vérité. | あの ろうじんは ほんとうの ことを しっている。 | Der alte Mann kennt die Wahrheit. | Il vecchio conosce la verità. | 그 노인은 진실을 알고 있어.
I lost my way in the snow. | Me perdí en la nieve. | Je me suis perdu dans la neige. | ゆきの なかで みちに まよった。 | Ich habe mich im Schnee verlaufen. | Mi sono perso nella neve. | 눈 속에서 길을 잃었어.
Are you really going to do it? | ¿De verdad vas a hacerlo? | Tu vas vraiment le faire ? | ほんとうに それを やるの？ | Willst du das wirklich tun? | Lo farai davvero? | 정말로 그걸 할 거야?
Come in and sit by the fire. | Entra y siéntate junto al fuego. | Entre et assieds-toi près du feu. | なかに はいって ひの そばに すわって。 | Komm herein und setz dich ans Feuer. | Entra e siediti vicino al fuoco. | 들어와서 불 옆에 앉아.
"""  # noqa: E501 - one line of dialogue a row, to be read across

LINES: tuple[dict[str, str], ...] = tuple(
    dict(zip(LANGUAGES, (cell.strip() for cell in row.split("|")), strict=True))
    for row in _TABLE.strip().splitlines()
)


def line_numbers(held_out: bool) -> list[int]:
    """Indices into LINES that training titles (or held-out titles) may use; every fourth is held out."""
    return [number for number in range(len(LINES)) if (number % 4 == 3) == held_out]
