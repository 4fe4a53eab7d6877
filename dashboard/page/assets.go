package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"time"
)

//go:embed assets
var assetFiles embed.FS

// assets are the pages' own files, under names that change with their content, so
// that browsers may keep them for ever.
type assets struct {
	byName map[string][]byte // style.1f0c2d3e.css → content
	names  map[string]string // style.css → style.1f0c2d3e.css
}

func loadAssets() *assets {
	a := &assets{byName: map[string][]byte{}, names: map[string]string{}}
	entries, err := fs.ReadDir(assetFiles, "assets")
	if err != nil {
		panic(err) // embedded: it is there or the program does not build
	}
	for _, e := range entries {
		content, err := fs.ReadFile(assetFiles, "assets/"+e.Name())
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(content)
		ext := path.Ext(e.Name())
		name := e.Name()[:len(e.Name())-len(ext)] + "." + hex.EncodeToString(sum[:6]) + ext
		a.byName[name], a.names[e.Name()] = content, name
	}
	return a
}

// path is where an asset is served.
func (a *assets) path(name string) string { return "/assets/" + a.names[name] }

func (a *assets) serve(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	content, ok := a.byName[name]
	if !ok {
		http.Error(w, "There is no such file.", http.StatusNotFound)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	a.send(w, r, name, content)
}

func (a *assets) icon(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "public, max-age=86400")
	a.send(w, r, "icon.svg", a.byName[a.names["icon.svg"]])
}

func (a *assets) send(w http.ResponseWriter, r *http.Request, name string, content []byte) {
	w.Header().Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
}
