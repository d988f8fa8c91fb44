package variant

import "time"

func init() { raceTime = time.Microsecond }
