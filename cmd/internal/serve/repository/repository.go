package repository

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/catvae/catvae/cmd/internal/serve/batcher"
	"github.com/catvae/catvae/runtime"
)

// Options say what is served, and how.
type Options struct {
	Bundles  map[string]string // folders of bundles, by their names
	Folder   string            // of bundles: NAME or NAME/VERSION; "" for none
	Versions int               // how many of the newest versions are served; 0 means all

	MaxRows  int // of a request
	MaxBatch int // rows of a run
	Delay    time.Duration
	// QueueRows bounds how many rows wait for each model.
	QueueRows int
	Slots     batcher.Slots // of all models together

	Open []runtime.Option
	// SelfTest tries a bundle that was opened from a folder. It may be nil. An error that wraps bundle.ErrNoSelfTest is told, others keep the
	// bundle from being served.
	SelfTest func(ctx context.Context, dir string, m *runtime.Model) error

	Poll time.Duration // how often folders are looked at, whatever the system tells
	// Grace is how long a bundle that is replaced waits for its requests.
	Grace time.Duration
	Log   *slog.Logger
}

// A State says whether a version takes work, in Triton's words.
type State string

// The states.
const (
	Ready       State = "READY"
	Unavailable State = "UNAVAILABLE"
)

// A Repository holds the bundles. It is safe for concurrent use.
type Repository struct {
	o Options

	loading sync.Mutex // one change at a time; guards slots and unloaded
	slots   map[string]map[string]*slot
	away    map[string]bool // names that were unloaded

	mu     sync.RWMutex
	models map[string][]*Model // by name, the newest version first
	states []Entry
	drains sync.WaitGroup
	ctx    context.Context // is done when bundles may no longer wait
	stop   context.CancelFunc
}

// A slot is a version of a bundle: what is there, and what became of the last try to load it.
type slot struct {
	live      *Bundle
	tried     bool
	signature string // of the folder when it was last looked at
	reason    error
}

// An Entry is a line of the index.
type Entry struct {
	Name, Version string
	State         State
	Reason        string
}

// New returns a repository with nothing loaded: see [Repository.Sync].
func New(o Options) *Repository {
	r := &Repository{o: o, slots: map[string]map[string]*slot{}, away: map[string]bool{}, models: map[string][]*Model{}}
	r.ctx, r.stop = context.WithCancel(context.Background())
	return r
}

// Acquire returns a model for one request, which must release it. "" is the newest version. What is not there is [ErrUnknown].
func (r *Repository) Acquire(name, version string) (*Model, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	list := r.models[name]
	for _, m := range list {
		if version == "" || version == m.Version {
			m.bundle.uses.Add(1)
			return m, nil
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%w %.100q: /v2/repository/index lists what is served", ErrUnknown, name)
	}
	return nil, fmt.Errorf("%w: %s has no version %.40q: the newest is %s", ErrUnknown, name, version, list[0].Version)
}

// Versions returns the versions of a model, the newest first.
func (r *Repository) Versions(name string) (list []string) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, m := range r.models[name] {
		list = append(list, m.Version)
	}
	return list
}

// Each calls f with every model, in the order of names and versions. f must not keep them.
func (r *Repository) Each(f func(*Model)) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, name := range slices.Sorted(maps.Keys(r.models)) {
		for _, m := range r.models[name] {
			f(m)
		}
	}
}

// Index returns a line for each model's version that was there, or should be.
func (r *Repository) Index() []Entry {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Clone(r.states)
}

// Only returns the name of the only bundle, or [ErrUnknown] where there are several or none.
func (r *Repository) Only() (string, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	names := map[string]bool{}
	for _, list := range r.models {
		names[list[0].bundle.Name] = true
	}
	if len(names) != 1 {
		return "", fmt.Errorf("%w: %d bundles are served: say which by ?model=NAME", ErrUnknown, len(names))
	}
	return slices.Collect(maps.Keys(names))[0], nil
}

// publish makes what is live what [Repository.Acquire] finds. loading is held.
func (r *Repository) publish() {
	models, states := map[string][]*Model{}, []Entry{}
	for _, name := range slices.Sorted(maps.Keys(r.slots)) {
		versions := slices.SortedFunc(maps.Keys(r.slots[name]), newer)
		for _, v := range versions {
			s := r.slots[name][v]
			for _, of := range Names(name) {
				e := Entry{Name: of, Version: v, State: Unavailable}
				if s.live != nil {
					for _, m := range s.live.models {
						if m.Name == of {
							e.State = Ready
							models[of] = append(models[of], m)
						}
					}
				}
				if s.reason != nil {
					e.Reason = s.reason.Error()
				}
				states = append(states, e)
			}
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.models, r.states = models, states
}

// retire lets go of a bundle that is published no longer: it is freed when its last request has ended.
func (r *Repository) retire(b *Bundle) {
	r.drains.Go(func() {
		ctx, cancel := context.WithTimeout(r.ctx, r.o.Grace)
		defer cancel()
		if err := b.close(ctx); err != nil {
			r.o.Log.Warn("a bundle was closed while it was in use", "bundle", b.Name, "version", b.Version, "reason", err)
			return
		}
		r.o.Log.Info("unloaded", "bundle", b.Name, "version", b.Version, "hash", b.Hash)
	})
	b.release()
}

// Close lets go of all bundles and waits for their requests, until ctx is done.
func (r *Repository) Close(ctx context.Context) error {
	r.loading.Lock()
	defer r.loading.Unlock()
	var gone []*Bundle
	for _, versions := range r.slots {
		for _, s := range versions {
			if s.live != nil {
				gone = append(gone, s.live)
			}
		}
	}
	r.slots = map[string]map[string]*slot{}
	r.publish()
	for _, b := range gone {
		r.retire(b)
	}
	interrupt := context.AfterFunc(ctx, r.stop)
	defer interrupt()
	r.drains.Wait()
	return ctx.Err()
}

// errUnloaded is the reason of what was unloaded by hand.
var errUnloaded = errors.New("unloaded")
