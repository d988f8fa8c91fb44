package main

var signalsTrial, bombsTrial, fuzzTrial = stub("signals"), stub("bombs"), stub("fuzz")

func stub(n string) trial { return trial{name: n} }
