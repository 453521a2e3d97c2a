package server

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"time"

	"github.com/haetae/haetae/internal/disk"
)

// DefaultListen is this machine alone: records are personal data, and a
// listening port on every interface should be somebody's decision.
const DefaultListen = "127.0.0.1:7420"

// DefaultLinger is longer than the processes of a web server take to end their last
// requests after a rotation.
const DefaultLinger = 10 * time.Minute

// Options is the whole configuration of a server. Each field says its unit, its
// default and what goes wrong when it is wrong.
type Options struct {
	// Data is the data folder. Required; it must have been made by `haetae init`.
	Data string
	// KeyDir holds hash.key. Default: Data + ".keys". With another folder's key
	// every id would become a different pseudonym, so a wrong key is refused.
	KeyDir string

	// Listen is host:port. Default 127.0.0.1:7420. Any other host puts ids on
	// the network in the clear unless something in front of it speaks TLS.
	Listen string

	// Follow are live files to read as they grow.
	Follow []Follow

	// Inputs is the file that says what comes in as syslog and from Kafka
	// (docs/sources.md). Empty: nothing does.
	Inputs string

	// Networks are files (.mmdb) that tell the country and network of an address,
	// for lines that do not say them. They are read at the start. Without one such
	// records have neither, and a condition about them finds nothing.
	Networks []string

	// MaxBody is the largest request after decompression, in bytes. Default
	// 16 MiB. Larger lets one sender hold more of MaxInFlight; smaller makes
	// senders split and costs an fsync for each piece.
	MaxBody int64
	// MaxInFlight is how many bytes of requests are held at once, over all
	// senders. Default 128 MiB. It bounds the memory of the receiving side;
	// beyond it senders get 503 and a time to come back.
	MaxInFlight int64
	// MaxRequests is how many requests are worked on at once. Default 64.
	MaxRequests int
	// MaxPerSource is how many of them one source may have. Default 16: one
	// source that floods gets 429 and the others go on.
	MaxPerSource int

	// ReadTimeout ends a request whose body takes longer. Default 60 s. Without
	// it, slow senders could hold every place.
	ReadTimeout time.Duration
	// ShutdownTimeout is how long requests under way may take after a stop was
	// asked for. Default 20 s; what is cut off was not acknowledged.
	ShutdownTimeout time.Duration
	// QueryTimeout ends a question that takes longer. Default 5 min.
	QueryTimeout time.Duration

	// Workers decode an import and answer a question. Default: number of cores.
	Workers int

	// SealAfter bounds what a restart has to replay. Default: the ledger's.
	SealAfter time.Duration
	// MemtableRows seals after so many rows. Default: the ledger's.
	MemtableRows int

	// MergeEvery is how often small segments are merged. Default 10 min. Rarer
	// leaves more files, and a question costs a little for each.
	MergeEvery time.Duration

	// PollEvery is how often a followed file is looked at. Default 500 ms; it is
	// the time a line may wait before it counts.
	PollEvery time.Duration
	// LingerFor is how long a file that was rotated away must be quiet, after its
	// successor has lines, until it is not looked at any more. Default DefaultLinger.
	// What is written later is not read; each file costs a descriptor until then.
	LingerFor time.Duration

	// Detect says which rules run over what arrives; nil = none. Rules cost up to a
	// quarter of the rate at which records are taken in.
	Detect *DetectRequest
	// DetectEvery is how often what has arrived is looked at. Default 200 ms; it is most
	// of the time between a record and its signal.
	DetectEvery time.Duration
	// Clock is the present by which keys have lost their custodian, sources are silent,
	// registers are old, and growth is told. Default: the present. A drill plays records
	// of another time, and gives theirs.
	Clock func() time.Time
	// Alerts is the file that says whom signals are told (docs/alerts.md). Empty:
	// they are only logged, counted and shown.
	Alerts string

	// Feeds is the file that says where registers come from (docs/feeds.md). Empty: what
	// feeds have brought before stays, and gets older.
	Feeds string
	// Outputs is the file that says where records and signals are sent on to
	// (docs/siem.md). Empty: nowhere; what waits for outputs of an earlier start goes
	// on waiting.
	Outputs string

	// Logger receives what an operator should know; never an id. Default: none.
	Logger *slog.Logger

	// FS is the file system below Data. Default disk.OS; tests put a disk that
	// fails there.
	FS disk.FS

	// inputRetry is how long a consumer of Kafka rests after a failure; tests are in a
	// hurry.
	inputRetry time.Duration

	// Version is shown by /v1/status.
	Version string
}

// Follow is a live file and the catalog's name for it.
type Follow struct {
	Source string
	File   string
}

// ParseFollow reads SOURCE=FILE.
func ParseFollow(s string) (Follow, error) {
	source, file, ok := strings.Cut(s, "=")
	if !ok || source == "" || file == "" {
		return Follow{}, errors.New("write SOURCE=FILE, for example gateway=/var/log/nginx/access.json")
	}
	return Follow{Source: source, File: file}, nil
}

// check fills in defaults and returns every mistake at once.
func (o *Options) check() error {
	var errs []error
	bad := func(field, what string) { errs = append(errs, fmt.Errorf("options: %s: %s", field, what)) }
	if o.Data == "" {
		bad("Data", "no data folder given")
	}
	if o.Listen == "" {
		o.Listen = DefaultListen
	}
	if _, _, err := net.SplitHostPort(o.Listen); err != nil {
		bad("Listen", "not host:port")
	}
	setInt := func(name string, v *int64, def int64) {
		switch {
		case *v == 0:
			*v = def
		case *v < 0:
			bad(name, "negative")
		}
	}
	setDuration := func(name string, v *time.Duration, def time.Duration) {
		switch {
		case *v == 0:
			*v = def
		case *v < 0:
			bad(name, "negative")
		}
	}
	setInt("MaxBody", &o.MaxBody, 16<<20)
	setInt("MaxInFlight", &o.MaxInFlight, 128<<20)
	if o.MaxInFlight > 0 && o.MaxBody > o.MaxInFlight {
		bad("MaxInFlight", "smaller than MaxBody: the largest request could never be taken")
	}
	requests, perSource, workers := int64(o.MaxRequests), int64(o.MaxPerSource), int64(o.Workers)
	setInt("MaxRequests", &requests, 64)
	setInt("MaxPerSource", &perSource, 16)
	setInt("Workers", &workers, int64(runtime.GOMAXPROCS(0)))
	o.MaxRequests, o.MaxPerSource, o.Workers = int(requests), int(perSource), int(workers)
	setDuration("ReadTimeout", &o.ReadTimeout, time.Minute)
	setDuration("ShutdownTimeout", &o.ShutdownTimeout, 20*time.Second)
	setDuration("QueryTimeout", &o.QueryTimeout, 5*time.Minute)
	setDuration("MergeEvery", &o.MergeEvery, 10*time.Minute)
	setDuration("PollEvery", &o.PollEvery, 500*time.Millisecond)
	setDuration("LingerFor", &o.LingerFor, DefaultLinger)
	setDuration("DetectEvery", &o.DetectEvery, detectEvery)
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.MemtableRows < 0 {
		bad("MemtableRows", "negative")
	}
	if o.SealAfter < 0 {
		bad("SealAfter", "negative")
	}
	seen := map[string]bool{}
	for _, f := range o.Follow {
		if f.Source == "" || f.File == "" {
			bad("Follow", "source and file are both needed")
		}
		if seen[f.File] {
			bad("Follow", "a file is named twice: its lines would be read twice")
		}
		seen[f.File] = true
	}
	if o.Alerts != "" && o.Detect == nil {
		bad("Alerts", "nothing is detected, so nobody would be told of anything")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.FS == nil {
		o.FS = disk.OS
	}
	return errors.Join(errs...)
}

var _ io.Closer = (*Server)(nil)
