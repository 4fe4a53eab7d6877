package nomadfake

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/nomad/api"
)

const (
	keptBatches = 100              // Nomad's event_buffer_size
	heartbeat   = 10 * time.Second // of a stream on which nothing happens
)

// event is one as it is written to a stream.
type event struct {
	Topic, Type, Key, Namespace string
	FilterKeys                  []string
	Index                       uint64
	Payload                     json.RawMessage
}

// batch is what changed at one index, as a stream tells it.
type batch struct {
	Index  uint64
	Events []event
}

// tell writes down what has changed at the index of now.
func (f *Fake) tell(kind string, changed ...any) {
	news := batch{Index: f.index}
	for _, thing := range changed {
		e := event{Type: kind, Index: f.index}
		var payload any
		switch v := thing.(type) {
		case *api.Job:
			e.Topic, e.Key, e.Namespace = "Job", *v.ID, *v.Namespace
			payload = map[string]any{"Job": v}
		case *api.Evaluation:
			e.Topic, e.Key, e.Namespace, e.FilterKeys = "Evaluation", v.ID, v.Namespace, []string{v.JobID, v.DeploymentID}
			payload = map[string]any{"Evaluation": v}
		case *allocation:
			e.Topic, e.Key, e.Namespace, e.FilterKeys = "Allocation", v.ID, v.Namespace, []string{v.JobID, v.DeploymentID}
			short := v.Allocation
			short.Job = nil
			payload = map[string]any{"Allocation": short}
		case *node:
			e.Topic, e.Key = "Node", v.ID
			payload = map[string]any{"Node": v.Node}
		}
		e.Payload, _ = json.Marshal(payload) // the API's own types can be written
		news.Events = append(news.Events, e)
	}
	f.batches = append(f.batches, news)
	f.batches = f.batches[max(0, len(f.batches)-keptBatches):]
	close(f.published)
	f.published = make(chan struct{})
}

func streamRoutes() []route {
	return []route{{pattern: "GET /v1/event/stream", answer: (*Fake).stream, long: true, lax: true}}
}

// stream writes what is told, from an index on or from as close to it as is kept; without
// one, all that is.
func (f *Fake) stream(q *ask) (any, error) {
	topics := q.URL.Query()["topic"]
	if len(topics) == 0 {
		f.complain("the event stream is opened without a topic: it tells everything")
		topics = []string{"*"}
	}
	next, err := strconv.ParseUint("0"+q.param("index"), 10, 64)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "Unable to parse index: %v", err)
	}
	f.mu.Lock()
	cut := f.cut
	f.mu.Unlock()
	q.w.Header().Set("Content-Type", "application/json")
	out := http.NewResponseController(q.w)
	write := func(v any) bool {
		return json.NewEncoder(q.w).Encode(v) == nil && out.Flush() == nil
	}
	if q.token == nil || mayHear(q, topics) != nil {
		// The real one has said 200 before it looks, and says nothing more.
		_ = out.Flush()
		f.await(q, nil, nil, cut)
		return sent{}, nil
	}
	if !write(struct{}{}) {
		return sent{}, nil
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		news, published, known := f.since(q, next, topics)
		if !known {
			return sent{}, nil
		}
		for _, b := range news {
			if !write(b) {
				return sent{}, nil
			}
			next = b.Index + 1
		}
		switch f.await(q, published, beat.C, cut) {
		case over:
			return sent{}, nil
		case silence:
			if !write(struct{}{}) {
				return sent{}, nil
			}
		}
	}
}

// since is what was told from an index on, what is closed when there is more, and whether
// the one who listens is still known.
func (f *Fake) since(q *ask, index uint64, topics []string) (news []batch, published <-chan struct{}, known bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, b := range f.batches {
		heard := batch{Index: b.Index}
		for _, e := range b.Events {
			if (q.namespace == everywhere || e.Namespace == "" || e.Namespace == q.namespace) && wanted(e, topics) {
				heard.Events = append(heard.Events, e)
			}
		}
		if b.Index >= index && len(heard.Events) > 0 {
			news = append(news, heard)
		}
	}
	secret := q.token.SecretID
	return news, f.published, secret == f.management || f.tokens[secret] != nil
}

// What a stream waits for.
type waited int

const (
	told waited = iota
	silence
	over
)

// await waits for more to tell, for so long that somebody may wonder, or for the end.
func (f *Fake) await(q *ask, more <-chan struct{}, long <-chan time.Time, cut <-chan struct{}) waited {
	select {
	case <-more:
		return told
	case <-long:
		return silence
	case <-q.Context().Done():
	case <-cut:
	case <-f.closed:
	}
	return over
}

// mayHear refuses topics that the token may not read.
func mayHear(q *ask, topics []string) error {
	for _, topic := range topics {
		switch name, _, _ := strings.Cut(topic, ":"); name {
		case "Job", "Allocation", "Evaluation":
			if err := q.may("read-job"); err != nil {
				return err
			}
		case "Node":
			if err := q.may("node:read"); err != nil {
				return err
			}
		default:
			if err := q.may(); err != nil {
				return err
			}
		}
	}
	return nil
}

func wanted(e event, topics []string) bool {
	return slices.ContainsFunc(topics, func(topic string) bool {
		name, key, keyed := strings.Cut(topic, ":")
		return (name == "*" || name == e.Topic) && (!keyed || key == "*" || key == e.Key || slices.Contains(e.FilterKeys, key))
	})
}
