package supervisor

import (
	"github.com/escher-dbai/cloudops-engine/internal/folder"
	"github.com/escher-dbai/cloudops-engine/internal/process"
)

// TrailOf is how the tree of an execution that runs is found. Errors: fs.ErrNotExist
// where it has not been started, those of [folder.Folder.Description].
func TrailOf(f *folder.Folder) (process.Trail, error) {
	var d description
	err := f.Description(&d)
	return d.Trail, err
}
