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
	keptEvents = 100              // Nomad's event_buffer_size
	heartbeat  = 10 * time.Second // of a stream on which nothing happens
)

// event is one as it is written to a stream.
type event struct {
	Topic, Type, Key, Namespace string
	FilterKeys                  []string
	Index                       uint64
	Payload                     json.RawMessage
}

// tell writes down what has changed at the index of now.
func (f *Fake) tell(kind string, changed ...any) {
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
		f.events = append(f.events, e)
	}
	f.events = f.events[max(0, len(f.events)-keptEvents):]
	close(f.published)
	f.published = make(chan struct{})
}

func streamRoutes() []route {
	return []route{{pattern: "GET /v1/event/stream", answer: (*Fake).stream, long: true}}
}

// stream writes events as they happen, from an index on or from as close to it as is kept.
func (f *Fake) stream(q *ask) (any, error) {
	topics := q.URL.Query()["topic"]
	if len(topics) == 0 {
		f.complain("the event stream is opened without a topic: it tells everything")
		topics = []string{"*"}
	}
	from, err := strconv.ParseUint("0"+q.param("index"), 10, 64)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "Unable to parse index: %v", err)
	}
	if err := mayHear(q, topics); err != nil {
		return nil, err
	}
	f.mu.Lock()
	cut, secret := f.cut, q.token.SecretID
	next := f.index + 1
	if from > 0 {
		next = from
	}
	f.mu.Unlock()
	q.w.Header().Set("Content-Type", "application/json")
	out := http.NewResponseController(q.w)
	write := func(v any) bool {
		return json.NewEncoder(q.w).Encode(v) == nil && out.Flush() == nil
	}
	if !write(struct{}{}) {
		return sent{}, nil
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		f.mu.Lock()
		known := secret == f.management || f.tokens[secret] != nil
		var news []event
		for _, e := range f.events {
			if e.Index >= next && (q.namespace == everywhere || e.Namespace == "" || e.Namespace == q.namespace) && wanted(e, topics) {
				news = append(news, e)
			}
		}
		next = f.index + 1
		published := f.published
		f.mu.Unlock()
		if !known {
			return sent{}, nil
		}
		for len(news) > 0 { // those of one index at a time
			n := 1
			for n < len(news) && news[n].Index == news[0].Index {
				n++
			}
			if !write(map[string]any{"Index": news[0].Index, "Events": news[:n]}) {
				return sent{}, nil
			}
			news = news[n:]
		}
		select {
		case <-published:
		case <-beat.C:
			if !write(struct{}{}) {
				return sent{}, nil
			}
		case <-q.Context().Done():
			return sent{}, nil
		case <-cut:
			return sent{}, nil
		case <-f.closed:
			return sent{}, nil
		}
	}
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
