"""Values of slots, a table a category: `name | en | es | fr | ja | de | it | ko`, see `words.lexicon`.

Nouns are written with the article that shows their gender: indefinite in Spanish, French and Italian,
definite in German. Japanese is written [kanji|kana]. Places have `noun; at it; to it` where a language
needs all three. Everything else stands as it is said.
"""

OBJECT = """
key | a key | una llave | une clé | [鍵|かぎ] | der Schlüssel | una chiave | 열쇠
letter | a letter | una carta | une lettre | [手紙|てがみ] | der Brief | una lettera | 편지
phone | a phone | un teléfono | un téléphone | [電話|でんわ] | das Telefon | un telefono | 전화기
photo | a photo | una foto | une photo | [写真|しゃしん] | das Foto | una foto | 사진
map | a map | un mapa | une carte | [地図|ちず] | die Karte | una mappa | 지도
book | a book | un libro | un livre | [本|ほん] | das Buch | un libro | 책
ring | a ring | un anillo | une bague | [指輪|ゆびわ] | der Ring | un anello | 반지
bag | a bag | una bolsa | un sac | かばん | die Tasche | una borsa | 가방
ticket | a ticket | un billete | un billet | [切符|きっぷ] | die Fahrkarte | un biglietto | 표
umbrella | an umbrella | un paraguas | un parapluie | [傘|かさ] | der Regenschirm | un ombrello | 우산
coat | a coat | un abrigo | un manteau | コート | der Mantel | un cappotto | 코트
lamp | a lamp | una lámpara | une lampe | ランプ | die Lampe | una lampada | 램프
watch | a watch | un reloj | une montre | [時計|とけい] | die Uhr | un orologio | 시계
knife | a knife | un cuchillo | un couteau | ナイフ | das Messer | un coltello | 칼
newspaper | a newspaper | un periódico | un journal | [新聞|しんぶん] | die Zeitung | un giornale | 신문
box | a box | una caja | une boîte | [箱|はこ] | die Kiste | una scatola | 상자
violin | a violin | un violín | un violon | バイオリン | die Geige | un violino | 바이올린
rope | a rope | una cuerda | une corde | ロープ | das Seil | una corda | 밧줄
candle | a candle | una vela | une bougie | ろうそく | die Kerze | una candela | 양초
"""

# As OBJECT, but not to be counted: only the definite form is ever used.
SUBSTANCE = """
money | the money | un dinero | un argent | お[金|かね] | das Geld | un denaro | 돈
"""

FURNITURE = """
table | a table | una mesa | une table | テーブル | der Tisch | un tavolo | 탁자
piano | a piano | un piano | un piano | ピアノ | das Klavier | un pianoforte | 피아노
door | a door | una puerta | une porte | ドア | die Tür | una porta | 문
chair | a chair | una silla | une chaise | [椅子|いす] | der Stuhl | una sedia | 의자
mirror | a mirror | un espejo | un miroir | [鏡|かがみ] | der Spiegel | uno specchio | 거울
wardrobe | a wardrobe | un armario | une armoire | たんす | der Schrank | un armadio | 옷장
curtain | a curtain | una cortina | un rideau | カーテン | der Vorhang | una tenda | 커튼
bed | a bed | una cama | un lit | ベッド | das Bett | un letto | 침대
sofa | a sofa | un sofá | un canapé | ソファー | das Sofa | un divano | 소파
"""

RIDE = """
train | a train | un tren | un train | [電車|でんしゃ] | der Zug | un treno | 기차
bus | a bus | un autobús | un bus | バス | der Bus | un autobus | 버스
ship | a ship | un barco | un bateau | [船|ふね] | das Schiff | una nave | 배
ferry | a ferry | un ferry | un ferry | フェリー | die Fähre | un traghetto | 페리
"""

PLACE = """
station | the station; at the station; to the station | la estación; en la estación; a la estación | la gare; à la gare; à la gare | [駅|えき] | der Bahnhof; am Bahnhof; zum Bahnhof | la stazione; alla stazione; alla stazione | 역
bridge | the bridge; on the bridge; to the bridge | el puente; en el puente; al puente | le pont; sur le pont; au pont | [橋|はし] | die Brücke; auf der Brücke; zur Brücke | il ponte; sul ponte; al ponte | 다리
hospital | the hospital; at the hospital; to the hospital | el hospital; en el hospital; al hospital | l'hôpital; à l'hôpital; à l'hôpital | [病院|びょういん] | das Krankenhaus; im Krankenhaus; ins Krankenhaus | l'ospedale; all'ospedale; all'ospedale | 병원
school | the school; at the school; to the school | la escuela; en la escuela; a la escuela | l'école; à l'école; à l'école | [学校|がっこう] | die Schule; in der Schule; zur Schule | la scuola; a scuola; a scuola | 학교
hotel | the hotel; at the hotel; to the hotel | el hotel; en el hotel; al hotel | l'hôtel; à l'hôtel; à l'hôtel | ホテル | das Hotel; im Hotel; zum Hotel | l'hotel; all'hotel; all'hotel | 호텔
harbour | the harbour; at the harbour; to the harbour | el puerto; en el puerto; al puerto | le port; au port; au port | [港|みなと] | der Hafen; am Hafen; zum Hafen | il porto; al porto; al porto | 항구
market | the market; at the market; to the market | el mercado; en el mercado; al mercado | le marché; au marché; au marché | [市場|いちば] | der Markt; auf dem Markt; zum Markt | il mercato; al mercato; al mercato | 시장
church | the church; at the church; to the church | la iglesia; en la iglesia; a la iglesia | l'église; à l'église; à l'église | [教会|きょうかい] | die Kirche; in der Kirche; zur Kirche | la chiesa; in chiesa; in chiesa | 교회
park | the park; in the park; to the park | el parque; en el parque; al parque | le parc; au parc; au parc | [公園|こうえん] | der Park; im Park; zum Park | il parco; al parco; al parco | 공원
library | the library; at the library; to the library | la biblioteca; en la biblioteca; a la biblioteca | la bibliothèque; à la bibliothèque; à la bibliothèque | [図書館|としょかん] | die Bibliothek; in der Bibliothek; zur Bibliothek | la biblioteca; in biblioteca; in biblioteca | 도서관
museum | the museum; at the museum; to the museum | el museo; en el museo; al museo | le musée; au musée; au musée | [博物館|はくぶつかん] | das Museum; im Museum; ins Museum | il museo; al museo; al museo | 박물관
castle | the castle; at the castle; to the castle | el castillo; en el castillo; al castillo | le château; au château; au château | お[城|しろ] | das Schloss; im Schloss; zum Schloss | il castello; al castello; al castello | 성
airport | the airport; at the airport; to the airport | el aeropuerto; en el aeropuerto; al aeropuerto | l'aéroport; à l'aéroport; à l'aéroport | [空港|くうこう] | der Flughafen; am Flughafen; zum Flughafen | l'aeroporto; all'aeroporto; all'aeroporto | 공항
beach | the beach; on the beach; to the beach | la playa; en la playa; a la playa | la plage; sur la plage; à la plage | [海岸|かいがん] | der Strand; am Strand; zum Strand | la spiaggia; in spiaggia; in spiaggia | 해변
village | the village; in the village; to the village | el pueblo; en el pueblo; al pueblo | le village; au village; au village | [村|むら] | das Dorf; im Dorf; ins Dorf | il villaggio; al villaggio; al villaggio | 마을
theatre | the theatre; at the theatre; to the theatre | el teatro; en el teatro; al teatro | le théâtre; au théâtre; au théâtre | [劇場|げきじょう] | das Theater; im Theater; ins Theater | il teatro; a teatro; a teatro | 극장
"""  # noqa: E501 - one place a row, to be read across

WHO = """
doctor | the doctor | el médico | le médecin | [医者|いしゃ] | der Arzt | il medico | 의사
mother | my mother | mi madre | ma mère | [母|はは] | meine Mutter | mia madre | 엄마
father | my father | mi padre | mon père | [父|ちち] | mein Vater | mio padre | 아빠
brother | my brother | mi hermano | mon frère | [弟|おとうと] | mein Bruder | mio fratello | 내 동생
sister | your sister | tu hermana | ta sœur | きみの [妹|いもうと] | deine Schwester | tua sorella | 네 여동생
uncle | my uncle | mi tío | mon oncle | [叔父|おじ] | mein Onkel | mio zio | 삼촌
teacher | the teacher | el profesor | le professeur | [先生|せんせい] | der Lehrer | il professore | 선생님
captain | the captain | el capitán | le capitaine | [船長|せんちょう] | der Kapitän | il capitano | 선장
mayor | the mayor | el alcalde | le maire | [市長|しちょう] | der Bürgermeister | il sindaco | 시장님
cook | the cook | el cocinero | le cuisinier | コック | der Koch | il cuoco | 요리사
gardener | the gardener | el jardinero | le jardinier | [庭師|にわし] | der Gärtner | il giardiniere | 정원사
maria | Maria | María | Maria | マリア | Maria | Maria | 마리아
paul | Paul | Paul | Paul | ポール | Paul | Paul | 폴
david | David | David | David | デイビッド | David | David | 데이비드
clara | Clara | Clara | Clara | クララ | Clara | Clara | 클라라
martin | Martin | Martín | Martin | マーティン | Martin | Martin | 마틴
laura | Laura | Laura | Laura | ローラ | Laura | Laura | 로라
"""

MEANS = """
car | by car | en coche | en voiture | [車|くるま]で | mit dem Auto | in macchina | 자동차로
train | by train | en tren | en train | [電車|でんしゃ]で | mit dem Zug | in treno | 기차로
bus | by bus | en autobús | en bus | バスで | mit dem Bus | in autobus | 버스로
ship | by ship | en barco | en bateau | [船|ふね]で | mit dem Schiff | in nave | 배로
bike | by bike | en bici | à vélo | [自転車|じてんしゃ]で | mit dem Rad | in bici | 자전거로
taxi | by taxi | en taxi | en taxi | タクシーで | mit dem Taxi | in taxi | 택시로
foot | on foot | a pie | à pied | [歩|ある]いて | zu Fuß | a piedi | 걸어서
"""

FUTURE = """
tomorrow | tomorrow | mañana | demain | [明日|あした] | morgen | domani | 내일
tonight | tonight | esta noche | ce soir | [今夜|こんや] | heute Abend | stasera | 오늘 밤
noon | at noon | al mediodía | à midi | お[昼|ひる]に | mittags | a mezzogiorno | 정오에
midnight | at midnight | a medianoche | à minuit | [真夜中|まよなか]に | um Mitternacht | a mezzanotte | 자정에
six | at six | a las seis | à six heures | [六時|ろくじ]に | um sechs | alle sei | 여섯 시에
nine | at nine | a las nueve | à neuf heures | [九時|くじ]に | um neun | alle nove | 아홉 시에
monday | on Monday | el lunes | lundi | [月曜日|げつようび]に | am Montag | lunedì | 월요일에
friday | on Friday | el viernes | vendredi | [金曜日|きんようび]に | am Freitag | venerdì | 금요일에
sunday | on Sunday | el domingo | dimanche | [日曜日|にちようび]に | am Sonntag | domenica | 일요일에
hour | in an hour | dentro de una hora | dans une heure | [一時間後|いちじかんご]に | in einer Stunde | tra un'ora | 한 시간 뒤에
week | next week | la semana que viene | la semaine prochaine | [来週|らいしゅう] | nächste Woche | la settimana prossima | 다음 주에
morning | tomorrow morning | mañana por la mañana | demain matin | [明日|あした]の [朝|あさ] | morgen früh | domani mattina | 내일 아침에
dinner | after dinner | después de cenar | après le dîner | [夕食|ゆうしょく]の [後|あと]で | nach dem Essen | dopo cena | 저녁 먹고 나서
"""  # noqa: E501

PAST = """
yesterday | yesterday | ayer | hier | [昨日|きのう] | gestern | ieri | 어제
night | last night | anoche | hier soir | [昨夜|ゆうべ] | gestern Abend | ieri sera | 어젯밤에
thismorning | this morning | esta mañana | ce matin | [今朝|けさ] | heute Morgen | stamattina | 오늘 아침에
lastweek | last week | la semana pasada | la semaine dernière | [先週|せんしゅう] | letzte Woche | la settimana scorsa | 지난주에
hourago | an hour ago | hace una hora | il y a une heure | [一時間前|いちじかんまえ]に | vor einer Stunde | un'ora fa | 한 시간 전에
daysago | two days ago | hace dos días | il y a deux jours | [二日前|ふつかまえ]に | vor zwei Tagen | due giorni fa | 이틀 전에
saturday | on Saturday | el sábado | samedi | [土曜日|どようび]に | am Samstag | sabato | 토요일에
summer | last summer | el verano pasado | l'été dernier | [去年|きょねん]の [夏|なつ] | letzten Sommer | l'estate scorsa | 지난여름에
"""  # noqa: E501

WAIT = """
ten | ten minutes | diez minutos | dix minutes | [十分|じゅっぷん] | zehn Minuten | dieci minuti | 십 분
twenty | twenty minutes | veinte minutos | vingt minutes | [二十分|にじゅっぷん] | zwanzig Minuten | venti minuti | 이십 분
half | half an hour | media hora | une demi-heure | [三十分|さんじゅっぷん] | eine halbe Stunde | mezz'ora | 삼십 분
onehour | an hour | una hora | une heure | [一時間|いちじかん] | eine Stunde | un'ora | 한 시간
twohours | two hours | dos horas | deux heures | [二時間|にじかん] | zwei Stunden | due ore | 두 시간
threehours | three hours | tres horas | trois heures | [三時間|さんじかん] | drei Stunden | tre ore | 세 시간
"""  # noqa: E501

SPAN = """
threedays | three days | tres días | trois jours | [三日|みっか] | drei Tage | tre giorni | 사흘
oneweek | a week | una semana | une semaine | [一週間|いっしゅうかん] | eine Woche | una settimana | 일주일
twoweeks | two weeks | dos semanas | deux semaines | [二週間|にしゅうかん] | zwei Wochen | due settimane | 이 주일
onemonth | a month | un mes | un mois | [一か月|いっかげつ] | einen Monat | un mese | 한 달
fiveyears | five years | cinco años | cinq ans | [五年|ごねん] | fünf Jahre | cinque anni | 오 년
"""  # noqa: E501

NUMBER = """
3 | three | tres | trois | [三|さん] | drei | tre | 삼
4 | four | cuatro | quatre | [四|よん] | vier | quattro | 사
5 | five | cinco | cinq | [五|ご] | fünf | cinque | 오
6 | six | seis | six | [六|ろく] | sechs | sei | 육
7 | seven | siete | sept | [七|なな] | sieben | sette | 칠
8 | eight | ocho | huit | [八|はち] | acht | otto | 팔
9 | nine | nueve | neuf | [九|きゅう] | neun | nove | 구
10 | ten | diez | dix | [十|じゅう] | zehn | dieci | 십
12 | twelve | doce | douze | [十二|じゅうに] | zwölf | dodici | 십이
20 | twenty | veinte | vingt | [二十|にじゅう] | zwanzig | venti | 이십
30 | thirty | treinta | trente | [三十|さんじゅう] | dreißig | trenta | 삼십
"""

# As said of a car: masculine in Spanish, feminine in French and Italian, neuter in German.
COLOUR = """
red | red | rojo | rouge | [赤|あか]い | rotes | rossa | 빨간
green | green | verde | verte | [緑|みどり]の | grünes | verde | 초록색
white | white | blanco | blanche | [白|しろ]い | weißes | bianca | 하얀
black | black | negro | noire | [黒|くろ]い | schwarzes | nera | 검은
yellow | yellow | amarillo | jaune | [黄色|きいろ]い | gelbes | gialla | 노란
grey | grey | gris | grise | [灰色|はいいろ]の | graues | grigia | 회색
"""

# An unspecified amount.
FOOD = """
coffee | some coffee | café | du café | コーヒー | Kaffee | del caffè | 커피
tea | some tea | té | du thé | お[茶|ちゃ] | Tee | del tè | 차
water | some water | agua | de l'eau | お[水|みず] | Wasser | dell'acqua | 물
milk | some milk | leche | du lait | [牛乳|ぎゅうにゅう] | Milch | del latte | 우유
wine | some wine | vino | du vin | ワイン | Wein | del vino | 와인
bread | some bread | pan | du pain | パン | Brot | del pane | 빵
cheese | some cheese | queso | du fromage | チーズ | Käse | del formaggio | 치즈
fruit | some fruit | fruta | des fruits | [果物|くだもの] | Obst | della frutta | 과일
"""

# A keyword that no slot of nouns holds.
CAR = "a car | un coche | une voiture | [車|くるま] | das Auto | una macchina | 자동차"
