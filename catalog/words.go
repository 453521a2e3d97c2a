package catalog

import "strings"

// The words that a shape keeps. A segment of a path is kept only when it is one
// of these, is put together from them (getMemberAddressList.do), or stands in the
// catalog; everything else may be a person.
//
// So a word is in the list only if it is a common noun or verb of APIs and nobody
// is called so: no given names, and none of the family names that are words
// (park, song, price, page is kept as it is in every API; mark, grace, will are
// not). TestWordsAreNoNames holds the list to it.

// wordUse says where a word is kept.
type wordUse uint8

const (
	isKept      wordUse = 1 << iota // a word of APIs
	namesPeople                     // what stands behind it is somebody's name or id …
	afterPeople                     // … unless it is one of these
)

var knownWords = func() map[string]wordUse {
	m := make(map[string]wordUse, 1000)
	for _, l := range []struct {
		use   wordUse
		words string
	}{{isKept | namesPeople | afterPeople, peopleWords}, {isKept | afterPeople, afterPeopleWords}, {isKept, otherWords}, {isKept, wordsWithDigits}, {isKept, koreanWords}, {isKept | afterPeople, koreanAfterPeople}} {
		for _, w := range strings.Fields(l.words) {
			m[w] |= l.use
		}
	}
	for _, w := range strings.Fields(koreanPeople) {
		m[w] |= isKept | namesPeople | afterPeople
	}
	return m
}()

const peopleWords = `user users member members customer customers account accounts people person persons patient patients
	employee employees profile profiles client clients subscriber subscribers author authors doctor doctors nurse nurses
	teacher teachers student students instructor instructors staff seller sellers buyer buyers vendor vendors partner
	partners agent agents driver drivers rider riders guest guests host hosts owner owners contact contacts recipient
	recipients sender senders friend friends follower followers following applicant applicants candidate candidates
	resident residents citizen citizens child children parent parents guardian guardians player players manager managers
	operator operators reviewer reviewers writer writers creator creators channel channels u hoewon gogaek`

const afterPeopleWords = `me my self current all list lists search find filter query new create add edit update modify delete
	remove count counts export import download upload login logout signin signout signup register join verify check auth
	token tokens session sessions password passwords reset settings setting preferences preference address addresses order
	orders card cards payment payments point points coupon coupons email emails phone phones info detail details summary
	history status activity activities avatar photo photos image images index api admin batch bulk group groups role
	roles permission permissions withdraw recover activate deactivate lock unlock exists lookup export exports consent
	consents grade grades level levels wishlist cart favorites bookmarks notifications devices sign in out up`

const otherWords = `about abuse accept access accesses accounting acknowledge action actions active ad addr ads advertisement affiliate
	after age agencies agency agreement agreements airline airport alarm alarms alert alerts album albums allow alumni amount
	analysis analytics announcement announcements answer answers any apartment apis app application applications apply
	appointment appointments approval approvals approve apps archive archives area areas article articles as ask asset
	assets assign assignment assignments assistant at attach attachment attachments attempt attempts attendance attribute
	attributes audience audio audit audits authenticate authentication authorization authorize authorized auto autocomplete aws
	availability available backend background backoffice backup balance balances bank banking banner banners base
	basic basket baskets batches before benefit benefits billing binary biometric birth birthdate birthday block
	blocks blog blogs board boards body book booking bookings bookmark books bot box branches brand brands bridge
	broadcast browse bucket buckets budget budgets build builds bus business button buy by cache calculate calculator
	calendar calendars call callback callbacks calls camera campaign campaigns cancel cancellation cancelled captcha
	cash catalog catalogs catalogue categories category cdn center centers certificate certificates certification cgi
	change changes chapter chapters charge charges chart charts chat chatbot chats checkin checkout checks city claim
	claims classes classroom clean clear click clicks clinic clinics clone close cloud cluster clusters code codes
	collect collection collections column columns command commands comment comments commerce commission common community
	companies company compare complaint complaints complete completed component components compose conference config
	configs configuration configurations confirm confirmation connect connection connections console consult consultation
	consultations consulting consumer content contents contest context contract contracts contribution control controller
	conversation conversations convert cookie cookies copy core corporate corporation correct cost costs countries
	country course courses cover created credential credentials credit credits cron currency custom cycle daily dash
	dashboard dashboards data database dataset datasets date dates day days db deal dealer dealers debug decide decline
	decrypt default delegate deliver delivery deliveries demo department departments departure deploy deployment
	deployments deposit deposits description design destination dev developer developers device diagnosis diagnoses
	diary dictionary diff direct directory disable disabled discount discounts discover discovery discussion discussions
	dispatch display dispute disputes district disclosure dns doc docs document documents domain domains donation
	donations done door doorcode draft drafts drive duplicate echo editor education electronic element elements emergency
	employment empty enable enabled encrypt end endpoint endpoints engine enroll enrollment enrollments enter enterprise
	entities entity entrance entries entry env environment environments error errors estimate evaluation event events
	exam exams excel exchange exchanges execute executions exercise exit expense expenses expire expired explore express
	extension extensions external face faces facilities facility factory faq faqs fare fares fax feature features fee feed
	feedback feedbacks feeds fees fetch field fields file filename files fill finance financial finder fingerprint finish
	fleet flight flights floor flow flows folder folders follow follows font fonts food footer forbidden force forecast
	forget forgot form format forms forum forums forward franchise free front frontend full function functions fund funds
	game games gate gateway general generate geo geocode get gift gifts global goal goals goods graph graphql grid groupware
	guide guides handle header headers health healthcheck healthz heartbeat help hidden hide highlight hint holiday
	holidays home homepage homework hook hooks hospital hospitals hotel hotels hour hours house household housing hub icon
	icons id identification identifier identifiers identities identity ids image import in inbox inbound incident incidents
	include income info information initialize inquiries inquiry insert insight insights inspect inspection install
	installment institution insurance insurances integration integrations interest interface internal internals interview
	interviews introduction inventories inventory invest investment investments invitation invitations invite invites
	invoice invoices issue issues item items job jobs journal journals js json jumun juso key keys keyword keywords kiosk
	kyc label labels landing language languages latest launch layout lead leads league learn learning lease leave leaves
	lecture lectures ledger lesson lessons letter letters library license licenses like likes limit limits line lines link
	links live load loan loans local locale locales location locations locker lockers log logging logistics logs lost
	lottery magazine mail mailbox mailing mails main maintenance manage management manual map maps market marketing
	marketplace markets match matches material materials matrix mealplan measure media medical medication medications
	medicine meet meeting meetings memo memos menu menus merchant merchants merge message messages messaging messenger meta
	metadata method methods metrics migrate mileage mileages mobile mode model models module modules money monitor
	monitoring month monthly more move movie movies multi music mypage name names native nav navigation near nearby
	network networks news newsletter newsletters next nickname node nodes none note notebook notebooks notes notice notices
	notification notify number numbers oauth object objects off offer offers office offices offline on online open openapi
	operation operations opinion opinions option options organization organizations origin original other outbound outlet
	output outputs overview package packages page pager pages panel paper papers parameter parameters parking part parts
	party pass passport passports patch path paths pause pay payable payout payouts payroll pending pension percent
	performance period periods personal phase phonebook pickup pin ping pipeline pipelines place places plan plans
	platform platforms play playlist playlists plugin plugins poi policies policy poll polls popular popup popups portal
	portfolio portfolios position positions post postal postcode posts predict premium preorder prepare prescription
	prescriptions preview previous print printer printers priority privacy private prize problem problems process processes
	procurement product production products program programs progress project projects promotion promotions property
	properties proposal proposals proxy public publication publications publish published purchase purchases push put qna
	qr qualification quality queue queues quick quiz quizzes quota quote quotes random ranking rankings rate rates rating
	ratings read ready realtime reason reasons receipt receipts receive received recent recommend recommendation
	recommendations record records recordings recovery recruit recruitment recurring redeem redirect reference references
	referral referrals refresh refund refunds region regions registration registrations registry reject relation relations
	relay release releases reload remind reminder reminders remote rename renew renewal rent rental rentals reorder repair
	repairs replace replay replies reply repo report reports repositories repository request requests resend reservation
	reservations reserve resign resize resolve resource resources response responses restaurant restaurants restore result
	results resume resumes retail retry return returns review reviews revoke reward rewards robots room rooms root route
	routes row rows rss rule rules run runs sale sales salary sample samples sandbox saved scan scans schedule schedules
	schema schemas scholarship school schools score scores screen screens script scripts sdk seat seats secret secrets
	section sections secure security segment segments select selection semester sell send sensor sensors sent sequence
	series server servers service services settle settlement settlements share shared shares sheet sheets shelf shift
	shifts ship shipment shipments shipping shop shopping shops shortcut show showcase site sitemap sites slot slots sms
	snapshot snapshots social software solution solutions sort source sources space spaces spec special specification
	sports stage stages standard start stat state statement statements static station stations statistics stats step steps
	stock stocks stop storage store stores stories story stream streaming streams street structure studio style styles
	subject subjects submission submissions submit subscribe subscription subscriptions success suggest suggestion
	suggestions supplier suppliers supply support survey surveys suspend swagger switch sync system systems tab table
	tables tag tags target targets task tasks tax taxes taxi team teams tel telemetry template templates temporary tenant
	tenants term terminal terms test testing tests text theme themes thread threads thumbnail thumbnails ticket tickets
	time timeline timer times timesheet timetable tip title titles to todo todos tool tools top topic topics total totals
	tour tours trace track tracking tracks trade trades traffic training trainings transaction transactions transfer
	transfers transit translate translation translations transport travel treatment treatments tree trend trends trial
	trip trips truck tutorial tutorials type types undo unit units university unread unsubscribe updates upgrade uploads
	url urls usage use userinfo username usernames util utils vacation vacations validate validation value values variant
	variants vehicle vehicles verification version versions video videos view viewer views visit visits visitor visitors
	voice volume vote votes voucher vouchers wallet wallets warehouse warehouses warranty watch weather web webhook
	webhooks website websites week weekly welcome widget widgets win withdrawal withdrawals word words work workflow
	workflows workplace works workshop workspace workspaces world write xml xlsx year yearly zip zipcode zone zones
	baesong myinfo mycard myorder orderlist orderdetail orderhistory memberinfo memberlist userlist addressbook
	.well-known`

// wordsWithDigits are words of APIs that hold a digit and are no ids.
const wordsWithDigits = `oauth2 oauth1 s3 ec2 b2b b2c p2p h2 web3 mp3 mp4 utf8 utf-8 base64 sha1 sha256 md5 i18n l10n k8s 2fa
	mfa2 3ds 3ds2 step1 step2 step3 api2 api3 auth0 phase1 phase2 level1 level2 x509 ipv4 ipv6 http2 oidc2`

// Korean segments stay only when they are known to be words: anything else in
// Hangul may be a name.
const (
	koreanPeople      = `회원 고객 환자 직원 임직원 사용자 판매자 구매자 프로필`
	koreanAfterPeople = `회원정보 회원목록 고객정보 고객목록 검색 목록 상세 조회 등록 수정 삭제 내정보`
	koreanWords       = `주문 주문내역 주문목록 주문상세 배송 배송지 배송조회 주소 주소록 연락처 결제 결제내역 마이페이지 관리자 관리 상품 상품목록
	장바구니 로그인 로그아웃 회원가입 쿠폰 포인트 적립금 문의 공지사항 이벤트 예약 예약내역 진료 진료내역 처방 게시판 설정 통계 다운로드`
)

// The files that a site is known to have; other files of pictures, styles and
// sounds are lifted, since their names are content.
var knownFiles = wordSet(`favicon.ico favicon.png apple-touch-icon.png robots.txt humans.txt ads.txt security.txt sitemap.xml
	manifest.json sw.js service-worker.js index.html index.htm index.php index.jsp main.js main.css app.js app.css
	bundle.js style.css styles.css site.css`)

// Endings of files that are made for the request, as a page is …
var pageEndings = wordSet(`do jsp jspx jsf php asp aspx ashx html htm xhtml json xml action cgi csv tsv xls xlsx pdf zip txt api ajax`)

// … and of files that lie there as they are.
var fileEndings = wordSet(`png jpg jpeg gif svg webp ico bmp avif css scss js mjs cjs map woff woff2 ttf eot otf mp3 mp4 m4a m4v webm mov
	avi wav ogg wasm`)

func wordSet(s string) map[string]bool {
	m := make(map[string]bool)
	for _, w := range strings.Fields(s) {
		m[w] = true
	}
	return m
}
