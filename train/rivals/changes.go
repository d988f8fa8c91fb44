package rivals

import (
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"github.com/catvae/catvae/dataset"
)

// A Change is a set of rows that were all changed in one way, and of each which row of another set it was.
type Change struct {
	Name      string
	Set       *dataset.Set
	Originals []int // rows of the other set
}

// Changes finds the originals of changed rows, in base, by their names: see [dataset.Set.ID]. A picture is found without the ending of its
// name, too, where only one has that name: photo.jpg was photo.png. A set is one change, called as its source; but where the first folder
// of its pictures' paths must be left out to find them, each of these folders is one, called as the folder.
func Changes(base *dataset.Set, changed []*dataset.Set) (changes []Change, err error) {
	names := namesOf(base)
	for _, set := range changed {
		if set.Named() != base.Named() {
			return nil, fmt.Errorf("rivals: %w: one of %s and %s has names of rows and the other has none: give both of one kind, such as two folders of pictures or two tables with a column id", dataset.ErrData, base.Source, set.Source)
		}
		of, missing := names.of(set, "")
		if missing == "" {
			changes = append(changes, Change{Name: called(set.Source), Set: set, Originals: of})
			continue
		}
		some, err := names.folders(set)
		if err != nil {
			return nil, err
		}
		if some == nil {
			return nil, names.notFound(set, missing)
		}
		changes = append(changes, some...)
	}
	seen := map[string]string{}
	for _, c := range changes {
		if other, ok := seen[c.Name]; ok {
			return nil, fmt.Errorf("rivals: %w: changes of %s and of %s are both called %q: rename a folder or file", dataset.ErrData, other, c.Set.Source, c.Name)
		}
		seen[c.Name] = c.Set.Source
	}
	return changes, nil
}

// called returns what a change is called that is one source.
func called(source string) string {
	name := filepath.Base(source)
	if stem := strings.TrimSuffix(name, filepath.Ext(name)); stem != "" {
		return stem
	}
	return name
}

// names are those of the rows of a set. several stands for more than one row.
type names struct {
	set    *dataset.Set
	rows   map[string]int
	shorts map[string]int // of pictures, without their endings
}

const several = -1

func namesOf(set *dataset.Set) names {
	n := names{set, map[string]int{}, map[string]int{}}
	add := func(to map[string]int, name string, row int) {
		if _, ok := to[name]; ok {
			row = several
		}
		to[name] = row
	}
	for i := range set.Len() {
		id := idOf(set, i)
		add(n.rows, id, i)
		if set.Pictures {
			add(n.shorts, short(id), i)
		}
	}
	return n
}

// idOf returns a row's name with slashes.
func idOf(set *dataset.Set, i int) string {
	if set.Pictures {
		return filepath.ToSlash(set.ID(i))
	}
	return set.ID(i)
}

// short returns a path without its ending.
func short(id string) string { return strings.TrimSuffix(id, path.Ext(id)) }

// of returns the rows that the rows of a set are called as, after a folder of theirs, or the first name that no row has, or several have.
func (n names) of(set *dataset.Set, folder string) (rows []int, missing string) {
	rows = make([]int, set.Len())
	for i := range rows {
		id := strings.TrimPrefix(idOf(set, i), folder)
		row, ok := n.rows[id]
		if !ok && set.Pictures {
			row, ok = n.shorts[short(id)]
		}
		if !ok || row == several {
			return nil, id
		}
		rows[i] = row
	}
	return rows, ""
}

// folders takes a set of pictures in folders as one change for each folder: nil where some are in none.
func (n names) folders(set *dataset.Set) (changes []Change, err error) {
	var order []string
	rows := map[string][]int{}
	for i := range set.Len() {
		folder, _, ok := strings.Cut(idOf(set, i), "/")
		if !ok || !set.Pictures {
			return nil, nil
		}
		if rows[folder] == nil {
			order = append(order, folder)
		}
		rows[folder] = append(rows[folder], i)
	}
	for _, folder := range order {
		part := set.Select(rows[folder])
		of, missing := n.of(part, folder+"/")
		if missing != "" {
			return nil, n.notFound(part, folder+"/"+missing)
		}
		changes = append(changes, Change{Name: folder, Set: part, Originals: of})
	}
	return changes, nil
}

// notFound says that the original of a row is missing, or is not one.
func (n names) notFound(set *dataset.Set, id string) error {
	_, name, _ := strings.Cut(id, "/")
	for _, rows := range []map[string]int{n.rows, n.shorts} {
		for _, try := range []string{id, name, short(id), short(name)} {
			if row, ok := rows[try]; ok && row == several {
				return fmt.Errorf("rivals: %w: several rows of %s are called %q, so that the original of that of %s is not known: give each row a name of its own", dataset.ErrData, n.set.Source, try, set.Source)
			}
		}
	}
	if !n.set.Named() {
		return fmt.Errorf("rivals: %w: row %q of %s has no original: %s has %d rows, and rows without names have the original's number", dataset.ErrData, id, set.Source, n.set.Source, n.set.Len())
	}
	return fmt.Errorf("rivals: %w: %q of %s has no original: no row of %s is called so, as %q is: give changed rows the name of their original, and leave others out", dataset.ErrData, id, set.Source, n.set.Source, n.set.ID(0))
}
