"""What takes long is done rarely."""

from zoo.training.board.budget import Budget


def test_due_at_most_so_often_that_it_is_a_share_of_the_time():
    now = [0.0]
    budget, done = Budget(0.01, clock=lambda: now[0]), []
    for second in range(0, 1000):
        now[0] = float(second)
        if budget.due:
            with budget.spent():
                now[0] += 0.5
            done.append(second)
    assert done[:2] == [0, 1] and all(b - a > 49 for a, b in zip(done[1:], done[2:])) and len(done) > 15
