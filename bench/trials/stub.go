package main

var errnoTrial, limitsTrial, sourceTrial, overlapTrial, devicesTrial, hostileTrial, libraryTrial, signalsTrial, bombsTrial, fuzzTrial = stub("errno"), stub("limits"), stub("source"), stub("overlap"), stub("devices"), stub("hostile"), stub("library"), stub("signals"), stub("bombs"), stub("fuzz")

func stub(n string) trial { return trial{name: n} }
