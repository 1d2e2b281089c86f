"""Remarks without slots, one a row: `en | es | fr | ja | de | it | ko`.

STATEMENTS open a conversation; REPLIES follow anything. Japanese is written [kanji|kana], with spaces
between phrases. In either table every fourth row is kept for held-out titles.
"""

STATEMENTS = """
Where were you last night? | ¿Dónde estabas anoche? | Où étais-tu hier soir ? | [昨日|きのう]の [夜|よる]は どこに いたの？ | Wo warst du gestern Abend? | Dov'eri ieri sera? | 어젯밤에 어디 있었어?
I have been waiting for an hour. | Llevo una hora esperando. | J'attends depuis une heure. | もう [一時間|いちじかん]も [待|ま]っているよ。 | Ich warte schon eine Stunde. | Aspetto da un'ora. | 한 시간이나 기다렸어.
Please close the door. | Cierra la puerta, por favor. | Ferme la porte, s'il te plaît. | ドアを [閉|し]めて ください。 | Mach bitte die Tür zu. | Chiudi la porta, per favore. | 문 좀 닫아 줘.
We should leave before sunrise. | Deberíamos irnos antes del amanecer. | Nous devrions partir avant l'aube. | [日|ひ]の[出前|でまえ]に [出|で]かけよう。 | Wir sollten vor Sonnenaufgang gehen. | Dovremmo partire prima dell'alba. | 해 뜨기 전에 떠나야 해.
I don't believe a word of it. | No me creo ni una palabra. | Je n'en crois pas un mot. | [一言|ひとこと]も [信|しん]じられない。 | Ich glaube kein Wort davon. | Non credo a una parola. | 한마디도 못 믿겠어.
Did you hear that noise? | ¿Oíste ese ruido? | Tu as entendu ce bruit ? | [今|いま]の [音|おと] [聞|き]こえた？ | Hast du das Geräusch gehört? | Hai sentito quel rumore? | 저 소리 들었어?
My brother is coming tomorrow. | Mi hermano llega mañana. | Mon frère arrive demain. | [明日|あした] [弟|おとうと]が [来|く]るんだ。 | Mein Bruder kommt morgen. | Mio fratello arriva domani. | 내일 내 동생이 와.
There is nothing left to say. | No queda nada que decir. | Il n'y a plus rien à dire. | もう [言|い]うことは [何|なに]もない。 | Es gibt nichts mehr zu sagen. | Non c'è più niente da dire. | 더 이상 할 말이 없어.
Can you help me with this? | ¿Me ayudas con esto? | Tu peux m'aider avec ça ? | これを [手伝|てつだ]って くれる？ | Kannst du mir dabei helfen? | Puoi aiutarmi con questo? | 이것 좀 도와줄래?
The train leaves in ten minutes. | El tren sale en diez minutos. | Le train part dans dix minutes. | [電車|でんしゃ]は [十分|じゅっぷん]で [出|で]るよ。 | Der Zug fährt in zehn Minuten. | Il treno parte tra dieci minuti. | 기차는 십 분 뒤에 떠나.
You look tired today. | Hoy tienes cara de cansancio. | Tu as l'air fatigué aujourd'hui. | [今日|きょう]は [疲|つか]れて いるみたいだね。 | Du siehst heute müde aus. | Oggi hai l'aria stanca. | 오늘 피곤해 보여.
I will tell you everything. | Te lo contaré todo. | Je te dirai tout. | [全部|ぜんぶ] [話|はな]すよ。 | Ich werde dir alles erzählen. | Ti racconterò tutto. | 모두 다 말해 줄게.
She never answered my letter. | Ella nunca respondió a mi carta. | Elle n'a jamais répondu à ma lettre. | [彼女|かのじょ]は [手紙|てがみ]に [返事|へんじ]を くれなかった。 | Sie hat nie auf meinen Brief geantwortet. | Non ha mai risposto alla mia lettera. | 그녀는 내 편지에 답하지 않았어.
It is colder than I thought. | Hace más frío de lo que pensaba. | Il fait plus froid que je ne pensais. | [思|おも]ったより [寒|さむ]いね。 | Es ist kälter, als ich dachte. | Fa più freddo di quanto pensassi. | 생각보다 더 춥네.
Take the first street on the left. | Toma la primera calle a la izquierda. | Prends la première rue à gauche. | [最初|さいしょ]の [道|みち]を [左|ひだり]に [曲|ま]がって。 | Nimm die erste Straße links. | Prendi la prima strada a sinistra. | 첫 번째 길에서 왼쪽으로 가.
How much does it cost? | ¿Cuánto cuesta? | Combien ça coûte ? | これは いくらですか？ | Wie viel kostet das? | Quanto costa? | 이거 얼마예요?
Nobody lives in that house. | Nadie vive en esa casa. | Personne ne vit dans cette maison. | あの [家|いえ]には [誰|だれ]も [住|す]んでいない。 | In dem Haus wohnt niemand. | In quella casa non vive nessuno. | 그 집에는 아무도 안 살아.
I forgot my key again. | Otra vez olvidé la llave. | J'ai encore oublié ma clé. | また [鍵|かぎ]を [忘|わす]れちゃった。 | Ich habe wieder meinen Schlüssel vergessen. | Ho dimenticato di nuovo la chiave. | 열쇠를 또 잊어버렸어.
Let's talk about it later. | Hablemos de eso más tarde. | Parlons-en plus tard. | その [話|はなし]は [後|あと]に しよう。 | Reden wir später darüber. | Parliamone più tardi. | 그 얘기는 나중에 하자.
That was a long time ago. | Eso fue hace mucho tiempo. | C'était il y a longtemps. | それは ずっと [前|まえ]の ことだ。 | Das ist lange her. | È stato molto tempo fa. | 그건 아주 오래전 일이야.
Be careful with the glass. | Ten cuidado con el vaso. | Fais attention au verre. | コップに [気|き]を つけて。 | Sei vorsichtig mit dem Glas. | Attenzione al bicchiere. | 유리잔 조심해.
They promised to come back. | Prometieron volver. | Ils ont promis de revenir. | [彼|かれ]らは [戻|もど]ると [約束|やくそく]した。 | Sie haben versprochen zurückzukommen. | Hanno promesso di tornare. | 그들은 돌아오겠다고 약속했어.
What are you looking for? | ¿Qué estás buscando? | Qu'est-ce que tu cherches ? | [何|なに]を [探|さが]して いるの？ | Wonach suchst du? | Che cosa stai cercando? | 뭘 찾고 있어?
I would like a cup of coffee. | Quisiera una taza de café. | Je voudrais une tasse de café. | コーヒーを [一杯|いっぱい] ください。 | Ich hätte gern eine Tasse Kaffee. | Vorrei una tazza di caffè. | 커피 한 잔 주세요.
The doctor said it was nothing. | El médico dijo que no era nada. | Le médecin a dit que ce n'était rien. | [医者|いしゃ]は [何|なん]でもないと [言|い]った。 | Der Arzt sagte, es sei nichts. | Il medico ha detto che non era niente. | 의사가 아무 일도 아니라고 했어.
We have met somewhere before. | Nos hemos visto antes en algún sitio. | Nous nous sommes déjà rencontrés. | [前|まえ]に どこかで [会|あ]いましたね。 | Wir haben uns schon einmal getroffen. | Ci siamo già incontrati da qualche parte. | 우리 전에 어디서 만났죠.
Turn off the light and listen. | Apaga la luz y escucha. | Éteins la lumière et écoute. | [明|あ]かりを [消|け]して [聞|き]いて。 | Mach das Licht aus und hör zu. | Spegni la luce e ascolta. | 불을 끄고 들어 봐.
He works in the old factory. | Él trabaja en la vieja fábrica. | Il travaille dans la vieille usine. | [彼|かれ]は [古|ふる]い [工場|こうば]で [働|はたら]いている。 | Er arbeitet in der alten Fabrik. | Lui lavora nella vecchia fabbrica. | 그는 낡은 공장에서 일해.
You can sleep here tonight. | Puedes dormir aquí esta noche. | Tu peux dormir ici ce soir. | [今夜|こんや]は ここで [寝|ね]ても いいよ。 | Du kannst heute Nacht hier schlafen. | Puoi dormire qui stanotte. | 오늘 밤은 여기서 자도 돼.
Why didn't you call me? | ¿Por qué no me llamaste? | Pourquoi tu n'as pas appelé ? | どうして [連絡|れんらく]して くれなかったの？ | Warum hast du mich nicht angerufen? | Perché non mi hai chiamato? | 왜 나한테 연락 안 했어?
The children are already asleep. | Los niños ya están dormidos. | Les enfants dorment déjà. | [子供|こども]たちは もう [寝|ね]て います。 | Die Kinder schlafen schon. | I bambini dormono già. | 아이들은 벌써 잠들었어.
I know a better way. | Conozco un camino mejor. | Je connais un meilleur chemin. | もっと いい [道|みち]を [知|し]ってるよ。 | Ich kenne einen besseren Weg. | Conosco una strada migliore. | 더 좋은 길을 알아.
Everything will be all right. | Todo va a salir bien. | Tout ira bien. | きっと [全部|ぜんぶ] うまくいくよ。 | Alles wird gut. | Andrà tutto bene. | 다 잘될 거야.
Give me your hand, quickly. | Dame la mano, rápido. | Donne-moi la main, vite. | [早|はや]く [手|て]を [出|だ]して。 | Gib mir schnell deine Hand. | Dammi la mano, presto. | 빨리 손 줘.
The bridge was closed this morning. | El puente estaba cerrado esta mañana. | Le pont était fermé ce matin. | [今朝|けさ] [橋|はし]は [閉|と]じて いました。 | Die Brücke war heute Morgen gesperrt. | Il ponte era chiuso stamattina. | 오늘 아침에 다리가 막혔어.
I have never seen the sea. | Nunca he visto el mar. | Je n'ai jamais vu la mer. | [海|うみ]を [見|み]たことが ありません。 | Ich habe noch nie das Meer gesehen. | Non ho mai visto il mare. | 나는 바다를 본 적이 없어.
Who told you my name? | ¿Quién te dijo mi nombre? | Qui t'a dit mon nom ? | [誰|だれ]が わたしの [名前|なまえ]を [教|おし]えたの？ | Wer hat dir meinen Namen gesagt? | Chi ti ha detto il mio nome? | 누가 내 이름을 말해 줬어?
It could rain at any moment. | Puede llover en cualquier momento. | Il peut pleuvoir à tout moment. | いつ [雨|あめ]が [降|ふ]っても おかしくない。 | Es kann jeden Moment regnen. | Potrebbe piovere da un momento all'altro. | 언제라도 비가 올 수 있어.
Dinner is almost ready. | La cena está casi lista. | Le dîner est presque prêt. | [夕飯|ゆうはん]は もうすぐ できるよ。 | Das Essen ist fast fertig. | La cena è quasi pronta. | 저녁이 거의 다 됐어.
You were right from the start. | Tenías razón desde el principio. | Tu avais raison depuis le début. | [初|はじ]めから きみが [正|ただ]しかった。 | Du hattest von Anfang an recht. | Avevi ragione fin dall'inizio. | 처음부터 네가 옳았어.
Don't tell anyone about this. | No le cuentes esto a nadie. | N'en parle à personne. | このことは [誰|だれ]にも [言|い]わないで。 | Erzähl niemandem davon. | Non dirlo a nessuno. | 아무한테도 말하지 마.
Her car stopped in the forest. | Su coche se paró en el bosque. | Sa voiture s'est arrêtée dans la forêt. | [彼女|かのじょ]の [車|くるま]が [森|もり]で [止|と]まった。 | Ihr Auto blieb im Wald stehen. | La sua macchina si è fermata nel bosco. | 그녀의 자동차가 숲에서 멈췄어.
I need a little more time. | Necesito un poco más de tiempo. | J'ai besoin d'un peu plus de temps. | もう[少|すこ]し [時間|じかん]が [欲|ほ]しい。 | Ich brauche noch etwas Zeit. | Ho bisogno di un po' più di tempo. | 시간이 조금 더 필요해.
This book belongs to my mother. | Este libro es de mi madre. | Ce livre est à ma mère. | この [本|ほん]は [母|はは]の ものです。 | Dieses Buch gehört meiner Mutter. | Questo libro è di mia madre. | 이 책은 우리 엄마 거야.
We can start over again. | Podemos empezar de nuevo. | On peut tout recommencer. | もう[一度|いちど] やり[直|なお]せるよ。 | Wir können noch einmal anfangen. | Possiamo ricominciare da capo. | 우리 다시 시작할 수 있어.
Look at all these people. | Mira cuánta gente. | Regarde tous ces gens. | こんなに [多|おお]くの [人|ひと]が いるよ。 | Sieh dir all die Leute an. | Guarda quanta gente. | 이 많은 사람들 좀 봐.
The old man knows the truth. | El viejo sabe la verdad. | Le vieil homme connaît la vérité. | あの [老人|ろうじん]は [本当|ほんとう]の ことを [知|し]っている。 | Der alte Mann kennt die Wahrheit. | Il vecchio conosce la verità. | 그 노인은 진실을 알고 있어.
I lost my way in the snow. | Me perdí en la nieve. | J'ai perdu mon chemin dans la neige. | [雪|ゆき]の [中|なか]で [道|みち]に [迷|まよ]った。 | Ich habe mich im Schnee verlaufen. | Ho perso la strada nella neve. | 눈 속에서 길을 잃었어.
Are you really going to do it? | ¿De verdad vas a hacerlo? | Tu vas vraiment le faire ? | [本当|ほんとう]に それを やるの？ | Willst du das wirklich tun? | Lo farai davvero? | 정말로 그걸 할 거야?
Come in and sit by the fire. | Entra y siéntate junto al fuego. | Entre et assieds-toi près du feu. | [中|なか]に [入|はい]って [火|ひ]の そばに [座|すわ]って。 | Komm herein und setz dich ans Feuer. | Entra e siediti vicino al fuoco. | 들어와서 불 옆에 앉아.
"""  # noqa: E501

REPLIES = """
I really don't know. | De verdad que no lo sé. | Je ne sais vraiment pas. | [本当|ほんとう]に わからない。 | Ich weiß es wirklich nicht. | Non lo so davvero. | 정말 모르겠어.
Are you sure about that? | ¿Seguro que es así? | C'est sûr, ça ? | それは [確|たし]かなの？ | Bist du dir da sicher? | Ne hai la certezza? | 그거 확실해?
Of course not, believe me. | Claro que no, créeme. | Bien sûr que non, crois-moi. | もちろん [違|ちが]うよ、[信|しん]じて。 | Natürlich nicht, glaub mir. | Certo che no, credimi. | 당연히 아니지, 믿어 줘.
That is impossible. | Eso es imposible. | C'est impossible. | そんなの [無理|むり]だよ。 | Das ist unmöglich. | È impossibile. | 그건 불가능해.
Let me think about it. | Déjame pensarlo. | Laisse-moi y réfléchir. | [少|すこ]し [考|かんが]えさせて。 | Lass mich darüber nachdenken. | Lasciami pensarci. | 생각 좀 해 볼게.
What do you mean by that? | ¿Qué quieres decir con eso? | Qu'est-ce que tu veux dire par là ? | それは どういう [意味|いみ]？ | Was meinst du damit? | Che cosa vuoi dire? | 그게 무슨 뜻이야?
It does not matter anymore. | Ya no importa. | Ça n'a plus d'importance. | もう どうでも いいよ。 | Das spielt keine Rolle mehr. | Non ha più importanza. | 이제 상관없어.
I thought so from the beginning. | Ya me lo imaginaba. | Je m'en doutais. | そうだと [思|おも]ったよ。 | Das habe ich mir gedacht. | Lo immaginavo. | 그럴 줄 알았어.
Tell me more about it. | Cuéntame más. | Dis-m'en plus. | もっと [詳|くわ]しく [教|おし]えて。 | Erzähl mir mehr davon. | Raccontami di più. | 더 자세히 말해 줘.
You must be joking. | Estás de broma. | Tu plaisantes. | [冗談|じょうだん]でしょう。 | Das ist wohl ein Scherz. | Stai scherzando. | 농담이겠지.
We have no other choice. | No tenemos otra opción. | Nous n'avons pas le choix. | [他|ほか]に [方法|ほうほう]は ない。 | Wir haben keine andere Wahl. | Non abbiamo altra scelta. | 다른 방법이 없어.
Please keep your voice down. | Habla más bajo, por favor. | Parle moins fort, s'il te plaît. | もっと [小|ちい]さな [声|こえ]で [話|はな]して。 | Sprich bitte leiser. | Parla più piano, per favore. | 목소리 좀 낮춰.
Leave me alone now. | Déjame en paz. | Laisse-moi tranquille. | もう ほうって おいて。 | Lass mich jetzt in Ruhe. | Lasciami in pace. | 이제 날 내버려 둬.
That is good news. | Es una buena noticia. | C'est une bonne nouvelle. | それは いい [知|し]らせだ。 | Das sind gute Nachrichten. | È una buona notizia. | 그거 좋은 소식이네.
I understand you very well. | Te entiendo muy bien. | Je te comprends très bien. | よく わかるよ。 | Ich verstehe dich sehr gut. | Ti capisco benissimo. | 네 마음 잘 알아.
Nobody must hear about it. | Nadie debe enterarse. | Personne ne doit le savoir. | [誰|だれ]にも [知|し]られては いけない。 | Niemand darf davon erfahren. | Nessuno deve saperlo. | 아무도 알면 안 돼.
Perhaps you are right. | Quizá tengas razón. | Tu as peut-être raison. | きみの [言|い]う [通|とお]りかもしれない。 | Vielleicht hast du recht. | Forse hai ragione. | 네 말이 맞을지도 몰라.
How should I know? | ¿Cómo voy a saberlo? | Comment veux-tu que je le sache ? | どうして わたしが [知|し]ってると [思|おも]うの？ | Woher soll ich das wissen? | E io come faccio a saperlo? | 내가 그걸 어떻게 알아?
It is getting late. | Se está haciendo tarde. | Il se fait tard. | もう [遅|おそ]いよ。 | Es ist schon spät. | Si sta facendo tardi. | 시간이 늦었어.
Don't worry about me. | No te preocupes por mí. | Ne t'inquiète pas pour moi. | わたしの ことは [心配|しんぱい]しないで。 | Mach dir um mich keine Sorgen. | Non preoccuparti per me. | 내 걱정은 하지 마.
"""  # noqa: E501
