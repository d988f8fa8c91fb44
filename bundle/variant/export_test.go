package variant

import "time"

func init() { raceTime = time.Microsecond }

// Results is results.
var Results = results
