package redact

import (
	"bytes"
	"encoding/json"
)

// JSON masks the texts in JSON one by one, so that a mask never takes a quote or a brace
// along. Where there is nothing to mask it returns data itself. Errors: those of
// encoding/json, for what is no JSON and has something to mask.
func JSON(data []byte, mask func(text string) string) ([]byte, error) {
	text := string(data)
	if mask(text) == text { // which knows the escapes of JSON too
		return data, nil
	}
	var content any
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber() // as they are written, however long
	if err := d.Decode(&content); err != nil {
		return nil, err
	}
	return json.Marshal(maskTexts(content, mask))
}

func maskTexts(v any, mask func(string) string) any {
	switch v := v.(type) {
	case string:
		return mask(v)
	case []any:
		for i := range v {
			v[i] = maskTexts(v[i], mask)
		}
	case map[string]any:
		for name := range v {
			v[name] = maskTexts(v[name], mask)
		}
	}
	return v
}
