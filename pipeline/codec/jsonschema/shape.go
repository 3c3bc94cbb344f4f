package jsonschema

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/millrace/millrace/pipeline/codec/registry"
)

// shape is the part of a schema that is compared with another.
type shape struct {
	Title      string           `json:"title"`
	Type       any              `json:"type"` // a name, or several
	Required   []string         `json:"required"`
	Properties map[string]shape `json:"properties"`
	Items      json.RawMessage  `json:"items"` // a schema, or in old drafts several
}

// UnmarshalJSON takes the schemas that are true or false, too.
func (s *shape) UnmarshalJSON(b []byte) error {
	type plain shape
	var all bool
	if json.Unmarshal(b, &all) == nil {
		return nil
	}
	return json.Unmarshal(b, (*plain)(s))
}

func shapeOf(text string) (s shape, err error) {
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return s, fmt.Errorf("%w: %w", registry.ErrInvalidSchema, err)
	}
	return s, nil
}

// maxShape bounds how deep two schemas are compared.
const maxShape = 32

// readableAs looks for what makes values of one schema break another, as far as
// that is plain: what a schema says by other words than these is not compared.
func (s shape) readableAs(own shape, at string, depth int) error {
	if depth > maxShape {
		return nil
	}
	theirs, ok := s.Type.(string)
	mine, ok2 := own.Type.(string)
	if ok && ok2 && theirs != mine && !(theirs == "integer" && mine == "number") {
		return fmt.Errorf("%s is of type %.100s there and %s here", at, theirs, mine)
	}
	for _, name := range own.Required {
		if !slices.Contains(s.Required, name) && (ok && theirs == "object" || s.Properties != nil) {
			return fmt.Errorf("%s: property %q is required here, and not there", at, name)
		}
	}
	for name, mine := range own.Properties {
		if theirs, ok := s.Properties[name]; ok {
			if err := theirs.readableAs(mine, at+"."+name, depth+1); err != nil {
				return err
			}
		}
	}
	var items, ownItems shape
	if json.Unmarshal(s.Items, &items) == nil && json.Unmarshal(own.Items, &ownItems) == nil {
		return items.readableAs(ownItems, at+"[]", depth+1)
	}
	return nil
}
