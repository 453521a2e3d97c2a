package mariadb

import (
	"strings"

	"github.com/haetae/haetae/ingest/statement"
	"vitess.io/vitess/go/vt/sqlparser"
)

// builtin are the functions of MariaDB 10.11 itself, as the server answers for each of
// them when it is called without a database. Whatever else is called is stored, or
// loaded: a function of a later release too, until the catalog says what it reads.
var builtin = func() map[string]bool {
	known := make(map[string]bool)
	for name := range strings.FieldsSeq(`
abs acos add_months adddate addtime aes_decrypt aes_encrypt ascii asin atan atan2 avg benchmark bin binary
binlog_gtid_pos bit_and bit_count bit_length bit_or bit_xor cast ceil ceiling char char_length character
character_length charset chr coalesce coercibility collate collation column_add column_check column_create
column_delete column_exists column_json column_list compress concat concat_operator_oracle concat_ws connection_id
conv convert convert_tz cos cot count crc32 crc32c cume_dist curdate current_date current_role current_time
current_timestamp current_user curtime database date date_add date_format date_sub datediff day dayname dayofmonth
dayofweek dayofyear decode decode_histogram decode_oracle default degrees dense_rank des_decrypt des_encrypt elt
encode encrypt endpoint exp export_set extract extractvalue field find_in_set first_value floor format found_rows
from_base64 from_days from_unixtime geometrycollection get_format get_lock glength greatest group_concat hex hour if
ifnull inet6_aton inet6_ntoa inet_aton inet_ntoa instr interval is_free_lock is_ipv4 is_ipv4_compat is_ipv4_mapped
is_ipv6 is_used_lock isclosed isnull json_array json_array_append json_array_insert json_arrayagg json_compact
json_contains json_contains_path json_depth json_detailed json_equals json_exists json_extract json_insert json_keys
json_length json_loose json_merge json_merge_patch json_merge_preserve json_normalize json_object json_objectagg
json_overlaps json_pretty json_query json_quote json_remove json_replace json_search json_set json_type json_unquote
json_valid json_value lag last_day last_insert_id last_value lastval lcase lead least left length lengthb linestring
ln load_file localtime localtimestamp locate log log10 log2 lower lpad lpad_oracle ltrim ltrim_oracle make_set
makedate maketime master_gtid_wait master_pos_wait match max mbrcontains mbrdisjoint mbrequal mbrequals mbrintersects
mbroverlaps mbrtouches mbrwithin md5 median microsecond mid min minute mod month monthname multilinestring multipoint
multipolygon name_const natural_sort_key nextval now nth_value ntile nullif numpoints nvl nvl2 oct octet_length
old_password ord password percent_rank percentile_cont percentile_disc period_add period_diff pi point pointn polygon
position pow power quarter quote radians rand random_bytes rank regexp_instr regexp_replace regexp_substr
release_all_locks release_lock repeat replace replace_oracle reverse right round row row_count row_number rownum rpad rpad_oracle
rtrim rtrim_oracle schema schemas sec_to_time second session_user setval sformat sha sha1 sha2 sign sin sleep soundex
space sqrt srid st_area st_asbinary st_asgeojson st_astext st_aswkb st_aswkt st_boundary st_buffer st_centroid
st_contains st_convexhull st_crosses st_difference st_dimension st_disjoint st_distance st_distance_sphere st_endpoint
st_envelope st_equals st_exteriorring st_geomcollfromtext st_geomcollfromwkb st_geometrycollectionfromtext
st_geometrycollectionfromwkb st_geometryfromtext st_geometryfromwkb st_geometryn st_geometrytype st_geomfromgeojson
st_geomfromtext st_geomfromwkb st_interiorringn st_intersection st_intersects st_isclosed st_isempty st_isring
st_issimple st_length st_linefromtext st_linefromwkb st_linestringfromtext st_linestringfromwkb st_mlinefromtext
st_mlinefromwkb st_mpointfromtext st_mpointfromwkb st_mpolyfromtext st_mpolyfromwkb st_multilinestringfromtext
st_multilinestringfromwkb st_multipointfromtext st_multipointfromwkb st_multipolygonfromtext st_multipolygonfromwkb
st_numgeometries st_numinteriorrings st_numpoints st_overlaps st_pointfromtext st_pointfromwkb st_pointn
st_pointonsurface st_polyfromtext st_polyfromwkb st_polygonfromtext st_polygonfromwkb st_relate st_srid st_startpoint
st_symdifference st_touches st_union st_within st_x st_y startpoint std stddev stddev_pop stddev_samp str_to_date
strcmp subdate substr substr_oracle substring substring_index subtime sum sys_guid sysdate system_user tan time
time_format time_to_sec timediff timestamp timestampadd timestampdiff to_base64 to_char to_days to_seconds trim
trim_oracle truncate ucase uncompress uncompressed_length unhex unix_timestamp updatexml upper user utc_date utc_time
utc_timestamp uuid uuid_short value values var_pop var_samp variance version week weekday weekofyear weight_string
wsrep_last_seen_gtid wsrep_last_written_gtid wsrep_sync_wait_upto_gtid year yearweek
`) {
		known[name] = true
	}
	return known
}()

// calls gives the stored functions and procedures that a statement runs.
func (c converter) calls(tree sqlparser.SQLNode) []statement.Call {
	switch n := tree.(type) {
	case *sqlparser.ExplainStmt, *sqlparser.PrepareStmt, *sqlparser.CreateView, *sqlparser.AlterView:
		return nil // they run nothing
	case *sqlparser.CallProc:
		procedure := statement.Call{Name: []string{n.Name.Qualifier.String(), n.Name.Name.String()}, Procedure: true, Args: c.exprs(n.Params)}
		return append([]statement.Call{procedure}, c.functions(tree)...)
	}
	return c.functions(tree)
}

func (c converter) functions(tree sqlparser.SQLNode) []statement.Call {
	var out []statement.Call
	sqlparser.Walk(func(n sqlparser.SQLNode) (bool, error) {
		switch n := n.(type) {
		case *sqlparser.FuncExpr:
			if n.Qualifier.String() != "" || !builtin[n.Name.Lowered()] {
				out = append(out, statement.Call{Name: []string{n.Qualifier.String(), n.Name.String()}, Args: c.exprs(n.Exprs)})
			}
		case sqlparser.Callable:
			// What MySQL has and MariaDB has not can be somebody's own here.
			if name, _, ok := strings.Cut(sqlparser.String(n), "("); ok && isWord(name) && !builtin[strings.ToLower(name)] {
				out = append(out, statement.Call{Name: []string{"", strings.ToLower(name)}})
			}
		}
		return true, nil
	}, tree)
	return out
}

func isWord(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r != '_' && !(r >= '0' && r <= '9') && !(r|0x20 >= 'a' && r|0x20 <= 'z')
	})
}
