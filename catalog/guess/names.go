package guess

import (
	"slices"
	"strings"
	"unicode"

	"github.com/haetae/haetae/catalog"
)

// want is how a field of the record is called in logs. Names are in the order of how
// much they say; Korean ones are looked for within a key without its blanks.
type want struct {
	field  catalog.Field
	names  []string
	korean []string
	never  []string // words of keys that are something else
	// fits says how well the values of a key fit, or that they cannot be it. least is
	// the score that fit alone must have for a key with another name to be taken; 0:
	// the name must say it.
	fits  func(*keys, *stat) (int, bool)
	least int
}

func words(s string) []string { return strings.Fields(s) }

// wants in the order in which keys are given away: what its values show best first.
var wants = []want{
	{catalog.FieldTime, words("timestamp time ts datetime date_time event_time request_time_iso log_time access_time access_dt requested_at created_at occurred_at logged_at time_iso8601 time_local date dt start_time eventtime at"),
		words("요청시각 요청일시 접속시각 접속일시 조회일시 처리일시 발생일시 발생시각 로그일시 일시 시각 시간"), words("expire expires expiry exp birth duration elapsed latency took response_time upstream join joined updated ended end 만료 생년 소요 가입"), fitsTime, 20},
	{catalog.FieldURI, words("request_uri uri request_url url path request_path url_path url_original original_uri http_target target_path api_path endpoint api resource link http_url full_url request request_line"),
		words("요청주소 요청경로 요청URL 요청URI 접속경로 호출경로 URL URI 경로 주소"), words("referer referrer origin redirect callback upstream avatar image photo file query 참조 배송"), fitsURI, 20},
	{catalog.FieldMethod, words("request_method http_method method verb http_verb"), words("요청방식 요청메서드 메서드 메소드"), nil, fitsMethod, 15},
	{catalog.FieldIP, words("client_ip remote_addr remote_ip remote_address client_addr client_address source_ip src_ip src_addr ip_address ip ipaddr user_ip x_forwarded_for xff x_real_ip peer_ip access_ip login_ip sourceipaddress remote_host host_ip client remote peer addr"),
		words("접속IP 접속지IP 접속지 아이피 IP주소 IP"), words("server upstream dest destination dst local backend host_name proxy target node pod 서버"), fitsIP, 18},
	{catalog.FieldAgent, words("http_user_agent user_agent useragent ua agent browser"), words("사용자에이전트 브라우저 에이전트"), words("employee sales"), fitsAgent, 15},
	{catalog.FieldStatus, words("status_code http_status response_status response_code status code http_status_code result_code resp_status result outcome success"),
		words("응답코드 상태코드 처리결과 결과코드 결과 상태"), words("country zip order_status error_message 배송 주문"), fitsStatus, 0},
	{catalog.FieldID, words("request_id req_id requestid event_id eventid record_id log_id x_request_id transaction_id tx_id txid message_id uuid guid log_seq seq_no insert_id id correlation_id trace_id traceid"),
		words("요청번호 요청ID 요청식별자 로그번호 로그ID 거래번호 일련번호"), words("user member customer actor account session token key order product parent span device 회원 고객 사용자 주문"), fitsID, 25},
	{catalog.FieldToken, words("jti token_id tokenid session_id sessionid sid session access_token_id credential_token token"), words("세션ID 세션번호 세션 토큰ID"), nil, fitsToken, 0},
	{catalog.FieldKey, words("kid key_id keyid signing_key signing_key_id access_key_id api_key_id credential_key credential_id client_id app_id"), words("키ID 키식별자 인증키"), nil, fitsKey, 0},
	{catalog.FieldSubjects, words("data_subjects subjects subject_ids subject_id member_ids customer_ids patient_ids account_ids target_ids viewed_members viewed_ids target_member target_member_id target_customer target_user target_user_id target_account target_id customer_id member_no member_id patient_id customer_no patient_no account_id customer member patient"),
		words("정보주체 조회대상 대상회원 대상고객 대상자 고객번호 회원번호 환자번호 계정번호 고객ID 회원ID"), words("type grade count name"), fitsSubjects, 0},
	{catalog.FieldActorType, words("actor_type user_type usertype user_role role account_type principal_type roles_0 user_kind kind grade"), words("사용자구분 접속자구분 사용자유형 사용자종류 구분 유형 권한"), nil, fitsType, 0},
	{catalog.FieldActorID, words("actor_id user_id userid uid actor user username user_name login_id login account_id member_id member_no customer_id employee_id emp_id emp_no empno staff_id admin_id operator_id operator principal_id principal principal_name subject sub auth_user remote_user enduser_id by requester"),
		words("사용자ID 접속자ID 취급자ID 사용자계정 접속계정 접속자 취급자 사번 사원번호 직원번호 담당자 관리자ID 회원번호 회원ID 고객번호 사용자"), words("agent ip type role grade count email_sent dept 부서 구분 IP"), fitsActor, 0},
	{catalog.FieldRows, words("row_count rows rowcount data_rows result_count record_count records_returned returned_rows count num_rows total hits"), words("조회건수 결과건수 처리건수 건수 행수"), words("page limit offset retry"), fitsCount, 0},
	{catalog.FieldCountry, words("country country_code geo_country geoip_country_code country_iso_code iso_code"), words("접속국가 국가코드 국가"), nil, fitsCountry, 0},
	{catalog.FieldNetwork, words("asn network as_number"), words("AS번호"), nil, fitsNetwork, 0},
}

// eventNames are keys that say what happened, in a log without addresses.
var eventNames = want{names: words("event event_name event_type eventtype action operation op activity command func function_name menu_id menu screen api_name message_type type"),
	korean: words("수행업무 업무 행위 작업 처리내용 처리유형 이벤트 기능 메뉴")}

// queryNames are keys of what stands behind the question mark.
var queryNames = want{names: words("query_string query querystring args url_query params"), korean: words("쿼리 요청파라미터")}

// neutral are objects that say nothing of what is in them.
var neutral = words("event log data request req http http_request http_response response res resp fields message payload attributes context ctx meta metadata record details detail body properties access audit entry json _source nginx web 요청 응답 로그")

// generic are names that mean something only by what they are in.
var generic = words("id type name code key status time path result method address ip uid number value client remote peer kind user total count at by")

// nameScore says how well a key is called like what is wanted; 0: it is not.
func (w *want) nameScore(key string) int {
	var segments [][]string
	for s := range strings.SplitSeq(key, ".") {
		if s == "0" && len(segments) > 0 {
			segments = append(segments, []string{"0"})
			continue
		}
		segments = append(segments, split(s))
	}
	var all, own []string
	for i, s := range segments {
		all = append(all, s...)
		if i == len(segments)-1 || !slices.Contains(neutral, strings.Join(s, "_")) {
			own = append(own, s...)
		}
	}
	last := segments[len(segments)-1]
	for _, n := range w.never {
		if slices.Contains(all, n) || strings.Contains(strings.Join(all, "_"), n) && (strings.Contains(n, "_") || n[0] >= 0x80) {
			return 0
		}
	}
	best := 0
	at := func(name string, full int) {
		if i := slices.Index(w.names, name); i >= 0 {
			best = max(best, full-min(i, 25))
		}
	}
	at(strings.Join(own, "_"), 65)
	at(strings.Join(all, "_"), 65)
	if len(segments) > 1 {
		at(strings.Join(append(slices.Clone(segments[len(segments)-2]), last...), "_"), 62)
		if word := strings.Join(last, "_"); !slices.Contains(generic, word) {
			at(word, 55)
		}
	}
	if best == 0 {
		joined := strings.Join(own, "_")
		for i, n := range w.names {
			if !slices.Contains(generic, n) && len(n) > 3 && (strings.HasSuffix(joined, "_"+n) || strings.HasPrefix(joined, n+"_") && strings.Contains(n, "_")) {
				best = max(best, 38-min(i, 25))
			}
		}
	}
	flat := strings.ToLower(strings.Join(strings.Fields(strings.NewReplacer("_", "", "-", "").Replace(key)), ""))
	for i, n := range w.korean {
		n = strings.ToLower(n)
		if n[0] < 0x80 && len(n) < 4 && flat != n { // IP, URL: as a word of its own, or in a Korean key
			if !strings.ContainsFunc(flat, func(r rune) bool { return r >= 0xac00 }) || !strings.HasSuffix(flat, n) {
				continue
			}
		}
		if flat == n {
			best = max(best, 65-min(i, 25))
		} else if strings.HasSuffix(flat, n) {
			best = max(best, 50-min(i, 25))
		} else if strings.Contains(flat, n) {
			best = max(best, 40-min(i, 25))
		}
	}
	return best
}

// split gives the words of a key: requestUri, request_uri and request-uri are one.
func split(s string) []string {
	var out []string
	var word []rune
	flush := func() {
		if len(word) > 0 {
			out = append(out, strings.ToLower(string(word)))
			word = word[:0]
		}
	}
	runes := []rune(s)
	for i, r := range runes {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			flush()
			continue
		case unicode.IsUpper(r) && i > 0 && (unicode.IsLower(runes[i-1]) || i+1 < len(runes) && unicode.IsUpper(runes[i-1]) && unicode.IsLower(runes[i+1])):
			flush()
		}
		word = append(word, r)
	}
	flush()
	return out
}

func fitsTime(k *keys, s *stat) (int, bool) {
	if !s.plain() || s.times*50 < s.n*49 {
		return 0, false
	}
	score := s.rising * 12 / s.n
	if s.texted > 0 { // a date, and not any number of ten digits
		score += 12
	}
	return score + int(8*k.share(s)), true
}

func fitsURI(_ *keys, s *stat) (int, bool) {
	if !s.plain() || !s.most(s.paths+s.urls+s.requests) {
		return 0, false
	}
	score := 10
	if s.paths > s.urls {
		score += 10
	}
	if s.queries > 0 {
		score += 5
	}
	return score, true
}

func fitsMethod(_ *keys, s *stat) (int, bool) { return 15, s.plain() && s.most(s.methods) }

func fitsIP(k *keys, s *stat) (int, bool) {
	if !s.plain() || !s.most(s.addresses+s.chains) {
		return 0, false
	}
	return 10 + int(8*k.share(s)), true
}

func fitsAgent(_ *keys, s *stat) (int, bool) {
	if !s.plain() || s.agents*2 < s.n {
		return 0, false
	}
	return 15, true
}

func fitsStatus(_ *keys, s *stat) (int, bool) {
	if !s.plain() {
		return 0, false
	}
	if s.n == s.outcomes {
		return 20, true
	}
	if s.counts > 0 && s.outcomes < s.n && s.texted == 0 {
		return 0, false
	}
	words := s.safeWords(10)
	if len(words) == 0 {
		return 0, false
	}
	for _, w := range words {
		if outcomes[strings.ToLower(w)] == "" {
			return 0, false
		}
	}
	return 8, true
}

// fitsID: an id that stands twice is the id of something else, and records that share
// one would count once.
func fitsID(k *keys, s *stat) (int, bool) {
	if !s.plain() || !s.unique() || s.longest > 256 || s.usable > 0 || s.opaque > 0 {
		return 0, false
	}
	score := int(10 * k.share(s))
	if s.most(s.uuids) && s.n >= 20 {
		score += 15
	}
	return score, true
}

func fitsToken(_ *keys, s *stat) (int, bool) {
	return 10, s.plain() && s.usable == 0 && s.opaque == 0 && s.longest <= 256 && !s.most(s.addresses)
}

func fitsKey(_ *keys, s *stat) (int, bool) {
	return 10, s.plain() && s.usable == 0 && s.opaque == 0 && s.longest <= 100 && !s.unique()
}

func fitsSubjects(_ *keys, s *stat) (int, bool) {
	if s.objects > 0 || s.usable > 0 || s.n > 0 && s.lists > 0 {
		return 0, false
	}
	if s.lists > 0 {
		return 12, true
	}
	return 8, s.n > 0 && !s.most(s.addresses) && !s.most(s.mails) && s.longest < 4096
}

func fitsType(_ *keys, s *stat) (int, bool) {
	return 10, s.plain() && (s.words != nil && len(s.words) <= 20 || len(s.distinct) <= 5) && s.times == 0
}

func fitsActor(_ *keys, s *stat) (int, bool) {
	return 10, s.plain() && s.usable == 0 && s.longest <= 256 && !s.most(s.addresses) && !s.most(s.paths) && !s.most(s.uuids+s.times) || s.plain() && s.most(s.uuids) && !s.unique()
}

func fitsCount(_ *keys, s *stat) (int, bool) { return 10, s.plain() && s.counts == s.n }

func fitsCountry(_ *keys, s *stat) (int, bool) { return 10, s.plain() && s.most(s.countries) }

func fitsNetwork(_ *keys, s *stat) (int, bool) { return 10, s.plain() && s.most(s.networks) }
