package main

var devicesTrial, hostileTrial, libraryTrial, signalsTrial, bombsTrial, fuzzTrial = stub("devices"), stub("hostile"), stub("library"), stub("signals"), stub("bombs"), stub("fuzz")

func stub(n string) trial { return trial{name: n} }
