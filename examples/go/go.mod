module example.com/skyhook-receiver

go 1.19
