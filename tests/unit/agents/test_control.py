from agents.control import heartbeat, memory_available


def test_available_memory_is_read_in_bytes():
    assert memory_available("MemTotal: 100 kB\nMemAvailable:    2048 kB\nBuffers: 3 kB\n") == 2048 * 1024


def test_kernel_that_does_not_say_has_none():
    assert memory_available("") == 0


def test_heartbeat_tells_of_this_machine():
    beat = heartbeat()
    assert beat.load >= 0 and beat.memory_available_bytes > 0
