// Package dashboard makes the Grafana dashboard of the metrics of package
// metrics. docs/deploy/grafana/millrace.json is what it makes.
package dashboard

import "encoding/json"

// The parts of Grafana's dashboard JSON that are used here; see
// https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/.
type board struct {
	Title         string     `json:"title"`
	UID           string     `json:"uid"`
	Tags          []string   `json:"tags"`
	SchemaVersion int        `json:"schemaVersion"`
	Editable      bool       `json:"editable"`
	Refresh       string     `json:"refresh"`
	Time          span       `json:"time"`
	Templating    templating `json:"templating"`
	Panels        []panel    `json:"panels"`
}

type span struct {
	From string `json:"from"`
	To   string `json:"to"`
}

type templating struct {
	List []variable `json:"list"`
}

type variable struct {
	Name       string  `json:"name"`
	Label      string  `json:"label"`
	Type       string  `json:"type"`
	Query      string  `json:"query"`
	Datasource *source `json:"datasource,omitempty"`
	IncludeAll bool    `json:"includeAll"`
	AllValue   string  `json:"allValue,omitempty"`
	Multi      bool    `json:"multi"`
	Refresh    int     `json:"refresh"` // 2: when the time range changes
}

type source struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

type panel struct {
	ID          int         `json:"id"`
	Title       string      `json:"title"`
	Description string      `json:"description,omitempty"`
	Type        string      `json:"type"`
	Datasource  *source     `json:"datasource,omitempty"`
	GridPos     grid        `json:"gridPos"`
	Targets     []target    `json:"targets,omitempty"`
	FieldConfig fieldConfig `json:"fieldConfig"`
}

type grid struct {
	H int `json:"h"`
	W int `json:"w"`
	X int `json:"x"`
	Y int `json:"y"`
}

type target struct {
	RefID  string `json:"refId"`
	Expr   string `json:"expr"`
	Legend string `json:"legendFormat"`
}

type fieldConfig struct {
	Defaults  defaults `json:"defaults"`
	Overrides []string `json:"overrides"`
}

type defaults struct {
	Unit string   `json:"unit,omitempty"`
	Min  *float64 `json:"min,omitempty"`
}

func prometheus() *source { return &source{Type: "prometheus", UID: "${source}"} }

// JSON returns the dashboard. It asks for the data source and the topology.
func JSON() ([]byte, error) {
	b := board{Title: "Millrace", UID: "millrace", Tags: []string{"millrace", "kafka"}, SchemaVersion: 39, Editable: true,
		Refresh: "10s", Time: span{"now-1h", "now"}}
	b.Templating.List = []variable{
		{Name: "source", Label: "Data source", Type: "datasource", Query: "prometheus", Refresh: 1},
		{Name: "topology", Label: "Topology", Type: "query", Query: "label_values(millrace_ready, topology)", Datasource: prometheus(),
			IncludeAll: true, AllValue: ".*", Multi: true, Refresh: 2},
	}
	y, id := 0, 0
	for _, r := range rows() {
		id++
		b.Panels = append(b.Panels, panel{ID: id, Title: r.title, Type: "row", GridPos: grid{1, 24, 0, y},
			FieldConfig: fieldConfig{Overrides: []string{}}})
		y++
		width := 24 / len(r.charts)
		for i, c := range r.charts {
			id++
			p := panel{ID: id, Title: c.title, Description: c.about, Type: "timeseries", Datasource: prometheus(),
				GridPos: grid{8, width, i * width, y}, FieldConfig: fieldConfig{Defaults: defaults{Unit: c.unit, Min: new(float64)}, Overrides: []string{}}}
			for n, q := range c.queries {
				p.Targets = append(p.Targets, target{RefID: string(rune('A' + n)), Expr: q.expr, Legend: q.legend})
			}
			b.Panels = append(b.Panels, p)
		}
		y += 8
	}
	out, err := json.MarshalIndent(b, "", "  ")
	return append(out, '\n'), err
}
