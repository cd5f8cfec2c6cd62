package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/bigmind/backchannel/ingest/actor"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed assets/*.css assets/*.js
var assetFiles embed.FS

// pages are the templates by name, each with the layout around it.
var pages = func() map[string]*template.Template {
	all := map[string]*template.Template{}
	layout := template.Must(template.New("layout.html").Funcs(funcs).ParseFS(templateFiles, "templates/layout.html", "templates/parts.html"))
	names, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		panic(err) // the pattern is right
	}
	for _, name := range names {
		if base := strings.TrimSuffix(path.Base(name), ".html"); base != "layout" && base != "parts" {
			all[base] = template.Must(template.Must(layout.Clone()).ParseFS(templateFiles, name))
		}
	}
	return all
}()

// version names what assets hold, so that a browser may keep them for ever.
var version = func() string {
	sum := sha256.New()
	names, err := fs.Glob(assetFiles, "assets/*")
	if err != nil {
		panic(err) // the pattern is right
	}
	for _, name := range names {
		content, err := assetFiles.ReadFile(name)
		if err != nil {
			panic(err) // it is embedded
		}
		sum.Write(content)
	}
	return hex.EncodeToString(sum.Sum(nil))[:12]
}()

// sheet is what the layout is drawn from.
type sheet struct {
	Title   string
	Me      *person
	Nav     []navItem
	Assets  string
	Done    string
	Waiting *waiting
	Data    any
}

type navItem struct {
	Path, Name, Icon string
	Current          bool
}

// nav is what somebody may go to.
func (v *visit) nav() []navItem {
	items := []navItem{{Path: Home, Name: "Messaging", Icon: "overview"}}
	if v.may(actor.SeeChannels) && v.syncs() {
		items = append(items, navItem{Path: Home + "channels", Name: "Channels", Icon: "channels"})
	}
	if v.may(actor.SeePeople) {
		items = append(items, navItem{Path: Home + "people", Name: "People", Icon: "people"})
	}
	items = append(items, navItem{Path: Home + "notifications", Name: "My notifications", Icon: "bell"})
	if v.may(actor.ChangeDefaults) {
		items = append(items, navItem{Path: Home + "defaults", Name: "Organization defaults", Icon: "defaults"})
	}
	items = append(items, navItem{Path: Home + "log", Name: "Delivery log", Icon: "log"}, navItem{Path: Home + "diagnose", Name: "Diagnose", Icon: "diagnose"})
	here := v.r.URL.Path
	for i := range items {
		items[i].Current = here == items[i].Path || items[i].Path != Home && strings.HasPrefix(here, items[i].Path+"/")
	}
	return items
}

// write draws an answer and returns its status.
func (c *Console) write(v *visit, a answer) int {
	h := v.w.Header()
	switch {
	case a.written:
		return http.StatusOK
	case a.location != "":
		status := http.StatusSeeOther
		h.Set("Location", a.location)
		v.w.WriteHeader(status)
		return status
	case a.status == http.StatusNoContent:
		v.w.WriteHeader(a.status)
		return a.status
	}
	if a.status == 0 {
		a.status = http.StatusOK
	}
	s := sheet{Title: a.title, Assets: Home + "assets/" + version + "/", Data: a.data}
	if v.me != nil {
		s.Me, s.Nav = &person{v.me.Title(), v.me.Email, string(v.me.OrgID), roleName(v.who.Role)}, v.nav()
		s.Done, s.Waiting = doneOf(v.r.URL.Query()), c.waiting(v)
	}
	block := "layout.html"
	var data any = s
	if a.part != "" {
		block, data = a.part, a.data
	}
	var body bytes.Buffer
	if err := pages[a.template].ExecuteTemplate(&body, block, data); err != nil {
		c.opts.Log.Error("a page of the console could not be drawn", "page", a.template, "error", err)
		http.Error(v.w, "The page could not be drawn.", http.StatusInternalServerError)
		return http.StatusInternalServerError
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	v.w.WriteHeader(a.status)
	_, _ = v.w.Write(body.Bytes()) // a failure is the reader's connection
	return a.status
}

// person is who is signed in, as the layout shows them.
type person struct{ Name, Email, Org, Role string }

// asset serves a file that never changes: its path has the version.
func (c *Console) asset(v *visit) (answer, error) {
	name := v.r.PathValue("file")
	content, err := assetFiles.ReadFile("assets/" + name)
	if err != nil || v.r.PathValue("version") != version {
		return answer{}, errNotFound
	}
	h := v.w.Header()
	h.Set("Content-Type", map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}[path.Ext(name)])
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = v.w.Write(content) // a failure is the reader's connection
	return answer{written: true}, nil
}
