package github

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// cacheBytes is room for what a thousand repositories answer while nothing happens:
// their description, their latest commits, their latest comments, packed.
const cacheBytes = 32 << 20

// entry is an answer that the server need not send again.
type entry struct {
	etag   string
	link   string
	packed []byte
}

// cache keeps the latest answers by account and address, and forgets those that were
// not asked for longest when they become too many bytes. It may be used from many
// goroutines.
type cache struct {
	mu    sync.Mutex
	most  int
	bytes int
	list  *simplelru.LRU[string, *entry]
}

func newCache(most int) *cache {
	c := &cache{most: most}
	// The number of entries is bounded by their bytes.
	list, err := simplelru.NewLRU(most, func(key string, e *entry) { c.bytes -= e.size(key) })
	if err != nil {
		panic(err) // only a size below one is refused
	}
	c.list = list
	return c
}

func (e *entry) size(key string) int {
	const overhead = 200
	return len(key) + len(e.etag) + len(e.link) + len(e.packed) + overhead
}

func (c *cache) get(key string) *entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, _ := c.list.Get(key)
	return e
}

// put keeps an answer if the server named it.
func (c *cache) put(key string, h http.Header, body []byte) {
	e := &entry{etag: h.Get("ETag"), link: h.Get("Link")}
	if e.etag == "" {
		return
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	w.Write(body) // to memory
	w.Close()
	e.packed = bytes.Clone(packed.Bytes())

	c.mu.Lock()
	defer c.mu.Unlock()
	c.list.Remove(key)
	if e.size(key) > c.most {
		return
	}
	c.list.Add(key, e)
	for c.bytes += e.size(key); c.bytes > c.most; {
		c.list.RemoveOldest()
	}
}

func (e *entry) body() ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(e.packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}
