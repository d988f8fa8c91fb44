package progress

import (
	"bytes"
	"testing"
	"time"
)

// Without a terminal a line appears now and then, with rate and time left, and none for short work.
func TestPlainLines(t *testing.T) {
	var out bytes.Buffer
	clock := time.Unix(0, 0)
	b := New(&out, 100, "training")
	b.now = func() time.Time { return clock }
	b.began, b.last = clock, clock
	for done := 1; done <= 100; done++ {
		clock = clock.Add(250 * time.Millisecond)
		b.Set(done, "loss 3.2")
	}
	b.Print("epoch 1")
	b.Done("done")
	want := "training: 40 of 100 (4/s, 15s left), loss 3.2\ntraining: 80 of 100 (4/s, 5s left), loss 3.2\nepoch 1\ndone\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}
