package github

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"seatrial/bridge/forge/adapter"
)

const (
	pageSize = 100 // the most that GitHub gives
	// mostPages bounds a list: a server that always has one more page is lying.
	mostPages = 2000
	// rereads is how often a list that changed while it was read is read again.
	rereads = 3
)

// pages reads a list page by page, until its end or until enough, which is shown each
// page, says so. now is the
// server's time as of the first page, n how many pages there were.
func pages[T any](ctx context.Context, f *Forge, path string, query url.Values, enough func([]T) bool) (list []T, now time.Time, n int, err error) {
	query.Set("per_page", strconv.Itoa(pageSize))
	for n = 1; n <= mostPages; n++ {
		var items []T
		header, err := f.ask(ctx, http.MethodGet, path+"?"+query.Encode(), nil, &items)
		if err != nil {
			return nil, now, n, err
		}
		if n == 1 {
			if now, err = adapter.ServerTime(header); err != nil {
				return nil, now, n, err
			}
		}
		list = append(list, items...)
		next := nextPage(header)
		if len(next) == 0 && len(items) == pageSize && !query.Has("ref") {
			// A full page: that nothing followed may be an old answer that is said to be still true.
			next = url.Values{"page": {strconv.Itoa(n + 1)}}
		}
		if enough != nil && enough(items) || len(next) == 0 {
			return list, now, n, nil
		}
		maps.Copy(query, next)
	}
	return nil, now, n, fmt.Errorf("the list did not end after %d pages", mostPages)
}

// whole reads a list to its end. Pages are counted from the start, so something that is
// removed or moved in the meantime moves what follows across the border of two pages: a
// list of several pages is read until it is found as it was before, which is free where
// nothing changed. What is new at its end does not matter.
func whole[T any](ctx context.Context, f *Forge, path string, query url.Values, same func(a, b T) bool) ([]T, time.Time, error) {
	var before []T
	for try := range rereads + 1 {
		list, now, n, err := pages[T](ctx, f, path, maps.Clone(query), nil)
		if err != nil {
			return nil, now, err
		}
		if n == 1 || try > 0 && len(before) <= len(list) && slices.EqualFunc(before, list[:len(before)], same) {
			return list, now, nil
		}
		before = list
	}
	return nil, time.Time{}, fmt.Errorf("the list changed each of the %d times that it was read", rereads+1)
}

// pageKeys are the parameters by which GitHub's lists go on.
var pageKeys = []string{"page", "after", "before", "cursor"}

// nextPage is what to change in the query for the next page; empty at the end. Nothing
// but that is taken from the link, which is the server's word.
func nextPage(h http.Header) url.Values {
	links := strings.Join(h.Values("Link"), ",")
	for {
		_, rest, ok := strings.Cut(links, "<")
		if !ok {
			return nil
		}
		address, rest, _ := strings.Cut(rest, ">")
		parameters, _, _ := strings.Cut(rest, "<")
		links = rest
		if !isNext(strings.TrimRight(parameters, ", ")) {
			continue
		}
		u, err := url.Parse(address)
		if err != nil {
			return nil
		}
		next, query := url.Values{}, u.Query()
		for _, key := range pageKeys {
			if v := query.Get(key); v != "" {
				next.Set(key, v)
			}
		}
		return next
	}
}

func isNext(parameters string) bool {
	for p := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		if strings.EqualFold(name, "rel") && strings.Trim(value, `"`) == "next" {
			return true
		}
	}
	return false
}
